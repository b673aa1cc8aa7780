//! The shortest story that still fails in the same way.

use crate::story::Story;

/// Leaves out steps, halves first and single ones last, for as long as `fails` says that it still does. At most
/// `tries` runs.
pub fn shrink(story: &Story, upto: usize, mut tries: usize, mut fails: impl FnMut(&Story) -> bool) -> Story {
    let mut best = Story { steps: story.steps.iter().take(upto + 1).cloned().collect(), ..story.clone() };
    if best.steps.len() > 1 && !fails(&best) {
        best = story.clone();
    }
    let mut size = best.steps.len().div_ceil(2);
    while size > 0 && tries > 0 {
        let mut at = 0;
        let mut shorter = false;
        while at < best.steps.len() && tries > 0 {
            let mut steps = best.steps.clone();
            steps.drain(at..(at + size).min(steps.len()));
            let candidate = Story { steps, ..best.clone() };
            tries -= 1;
            if fails(&candidate) {
                best = candidate;
                shorter = true;
            } else {
                at += size;
            }
        }
        if size == 1 && !shorter {
            break;
        }
        size = if size == 1 { 1 } else { size.div_ceil(2).min(size - 1) };
    }
    best
}
