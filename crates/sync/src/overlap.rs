use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

/// Sends a question, works while the server does, and only then waits for the answer. It is awaited even where the work
/// has failed: an answer left on the line would be taken for that of the next question.
pub(crate) async fn overlap<F: Future, T>(question: F, work: impl FnOnce() -> T) -> (F::Output, T) {
    let mut question = pin!(question);
    let early = poll_fn(|context| {
        Poll::Ready(match question.as_mut().poll(context) {
            Poll::Ready(answer) => Some(answer),
            Poll::Pending => None,
        })
    })
    .await;
    let done = work();
    let answer = match early {
        Some(answer) => answer,
        None => question.await,
    };
    (answer, done)
}
