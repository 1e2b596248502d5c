//! The file in a form.

use std::convert::Infallible;
use std::future::{Future, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use multer::Multipart;

use crate::issue::Issue;
use crate::problem::{Problem, ProblemKind};

/// The content of the form's one file.
///
/// # Errors
/// [`ProblemKind::MalformedBody`] for what is not such a form, [`ProblemKind::InvalidRows`] where
/// it has no file or more than one.
pub(crate) fn file_of(body: Bytes, boundary: &str) -> Result<Bytes, Problem> {
    let stream = futures_util::stream::once(ready(Ok::<_, Infallible>(body)));
    let mut form = Multipart::new(stream, boundary);
    finished(async {
        let mut file = None;
        while let Some(field) = form.next_field().await.map_err(|error| malformed(&error))? {
            if field.file_name().is_none() && field.name() != Some("file") {
                continue;
            }
            if file.is_some() {
                return Err(expected_one_file(Some("more than one".to_owned())));
            }
            file = Some(field.bytes().await.map_err(|error| malformed(&error))?);
        }
        file.ok_or_else(|| expected_one_file(None))
    })
}

/// Runs a future that has all it needs: the body is in memory, so it never waits.
fn finished<T>(future: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    // The parser may ask to be polled again after each part; a form of nothing but parts is bounded
    // by the body's size, and a parser that really waits is given up on.
    for _ in 0..1024 {
        if let Poll::Ready(result) = future.as_mut().poll(&mut context) {
            return result;
        }
    }
    Err(Problem::new(
        ProblemKind::MalformedBody,
        "the form ends inside a part",
    ))
}

fn expected_one_file(found: Option<String>) -> Problem {
    Problem::invalid_content(Issue::new(Some("file"), found, "one CSV file".to_owned()))
}

fn malformed(error: &multer::Error) -> Problem {
    Problem::new(
        ProblemKind::MalformedBody,
        format!("not a valid form: {error}"),
    )
}
