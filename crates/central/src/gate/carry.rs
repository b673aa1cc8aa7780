//! Carrying bytes between the driver and the line, both ways in one task.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};

use super::Refusal;
use super::attach::Stream;
use super::border::{Border, Breach};
use super::prove::Line;

/// Large enough that a page of rows or a chunk of a photo goes in a few pieces.
const BUFFER: usize = 256 * 1024;

/// Why carrying has ended.
enum End {
    /// The driver has said goodbye; what it said is on its way.
    Driver,
    /// The server has.
    Line,
    Broken,
    Breach(Breach),
}

/// Carries until one end is gone, or until the server breaks a rule.
pub(super) async fn carry(mut line: Line, mut driver: Box<dyn Stream>, refusal: Refusal) {
    let (mut up, mut down) = (Load::new(), Load::new());
    let mut border = Border::default();
    let end = poll_fn(|cx| match turn(cx, &mut line, &mut driver, &mut up, &mut down, &mut border) {
        Ok(()) => Poll::Pending,
        Err(end) => Poll::Ready(end),
    })
    .await;
    if let End::Breach(breach) = end {
        // Before the driver is let go: it asks when it sees its connection end.
        refusal.because(breach);
    }
    // Best effort, and for a breach or a broken line nothing at all: those ends are simply dropped.
    let _ = match end {
        End::Driver => line.shutdown().await,
        End::Line => driver.shutdown().await,
        End::Broken | End::Breach(_) => Ok(()),
    };
}

/// Moves all that can be moved now. Whatever could not has noted who is to be woken.
fn turn(
    cx: &mut Context<'_>,
    line: &mut Line,
    driver: &mut Box<dyn Stream>,
    up: &mut Load,
    down: &mut Load,
    border: &mut Border,
) -> Result<(), End> {
    loop {
        // All that is there is taken before any is passed on: few large writes, no small ones.
        let mut moved = down.fill(cx, Pin::new(&mut *line), |bytes| border.pass(bytes).map_err(End::Breach))?;
        moved |= down.drain(cx, Pin::new(&mut *driver))?;
        moved |= up.fill(cx, Pin::new(&mut *driver), |_| Ok(()))?;
        moved |= up.drain(cx, Pin::new(&mut *line))?;
        if let Poll::Ready(Err(_)) = Pin::new(&mut *line).poll_flush(cx) {
            return Err(End::Broken);
        }
        if up.is_over() {
            return Err(End::Driver);
        }
        if down.is_over() {
            return Err(End::Line);
        }
        if !moved {
            return Ok(());
        }
    }
}

/// Bytes under way in one direction.
struct Load {
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
    /// No more will come.
    ended: bool,
}

impl Load {
    fn new() -> Self {
        Self { bytes: vec![0; BUFFER].into(), start: 0, end: 0, ended: false }
    }

    fn is_over(&self) -> bool {
        self.ended && self.start == self.end
    }

    /// Reads until there is no room or nothing there; whether anything came.
    fn fill<S: AsyncRead + ?Sized>(
        &mut self,
        cx: &mut Context<'_>,
        mut from: Pin<&mut S>,
        mut look: impl FnMut(&[u8]) -> Result<(), End>,
    ) -> Result<bool, End> {
        let mut moved = false;
        while !self.ended
            && let Some(room) = self.bytes.get_mut(self.end..)
            && !room.is_empty()
        {
            let mut room = ReadBuf::new(room);
            match from.as_mut().poll_read(cx, &mut room) {
                Poll::Ready(Ok(())) => {}
                // A line that breaks has ended, and what came before is still good: often it is the reason.
                Poll::Ready(Err(_)) => room.clear(),
                Poll::Pending => break,
            }
            let came = room.filled();
            look(came)?;
            self.ended = came.is_empty();
            self.end += came.len();
            moved = true;
        }
        Ok(moved)
    }

    /// Writes until nothing is left or nothing more is taken; whether anything went.
    fn drain<S: AsyncWrite + ?Sized>(&mut self, cx: &mut Context<'_>, mut to: Pin<&mut S>) -> Result<bool, End> {
        let mut moved = false;
        while self.start < self.end {
            let Some(rest) = self.bytes.get(self.start..self.end) else { break };
            match to.as_mut().poll_write(cx, rest) {
                Poll::Ready(Ok(written @ 1..)) => self.start += written,
                Poll::Ready(_) => return Err(End::Broken),
                Poll::Pending => break,
            }
            moved = true;
        }
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
        Ok(moved)
    }
}
