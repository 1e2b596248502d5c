//! `POST /feedback`: what predictions turned out to be.

use bytes::Bytes;
use http::{Request, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::issue::{Issue, Issues, shortened};
use crate::json_row::malformed;
use crate::media::{BodyKind, Format, body_kind, negotiate};
use crate::problem::{Problem, ProblemDocument, ProblemKind};
use crate::recording::{Label, PredictionId};
use crate::reply::Reply;
use crate::service::Service;

/// The most labels in a request.
const MAX_LABELS: usize = 10_000;

/// What a prediction turned out to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Label)]
pub(crate) struct LabelRequest {
    /// The prediction's id.
    #[schema(example = "00112233445566778899aabbccddeeff")]
    prediction: String,
    /// A class of the model's schema.
    #[schema(example = "phishing")]
    label: String,
}

/// How many labels were taken.
#[derive(Serialize, ToSchema)]
#[schema(as = FeedbackTaken)]
pub(crate) struct FeedbackTaken {
    n_labels: usize,
}

/// Takes labels of predictions: all of them, or none where one is wrong.
///
/// The body is JSON with one label or an array of them, or NDJSON with a label a line. The answer comes once they are
/// durable on this host. Whether the prediction is known is found out where labels are joined to predictions.
#[utoipa::path(
    post,
    path = "/feedback",
    request_body(content(
        (LabelRequest = "application/json"),
        (String = "application/x-ndjson"),
    )),
    responses(
        (status = 202, description = "They are kept and will be passed on", body = FeedbackTaken),
        (status = "4XX", description = "What is wrong with the request, with up to 100 faults", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, description = "The host cannot keep them now", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) fn feedback(service: &Service, request: &Request<Bytes>) -> Result<Reply, Problem> {
    let Some(recorder) = &service.recorder else {
        let detail =
            "this host keeps no records, so there is nothing that labels could be joined to";
        return Err(Problem::new(ProblemKind::NotFound, detail));
    };
    if let Some(query) = request.uri().query().filter(|query| !query.is_empty()) {
        let detail = format!("found {:?}; expected no parameters", shortened(query));
        return Err(Problem::new(ProblemKind::InvalidQuery, detail));
    }
    negotiate(request.headers(), &[Format::Json])?;
    let mut labels = Reading::new(service);
    match body_kind(request.headers(), true)? {
        BodyKind::Json => labels.read_json(request.body())?,
        BodyKind::Ndjson => labels.read_lines(request.body())?,
        BodyKind::Csv | BodyKind::Multipart(_) => {
            let detail = "expected application/json or application/x-ndjson";
            return Err(Problem::new(ProblemKind::UnsupportedMediaType, detail));
        }
    }
    let labels = labels.finish()?;
    let receipt = recorder.labels(&labels)?;
    let n_labels = labels.len();
    let mut reply = Reply::json(&FeedbackTaken { n_labels });
    reply.status = StatusCode::ACCEPTED;
    reply.receipt = receipt;
    Ok(reply)
}

struct Reading<'s> {
    classes: [&'s str; 2],
    max_labels: usize,
    labels: Vec<Label>,
    issues: Issues,
    n_read: usize,
}

impl<'s> Reading<'s> {
    fn new(service: &'s Service) -> Self {
        let label = &service.model.schema.label;
        Self {
            classes: [&label.positive.name, &label.negative.name],
            max_labels: MAX_LABELS.min(service.limits.max_rows),
            labels: Vec::new(),
            issues: Issues::default(),
            n_read: 0,
        }
    }

    fn read_json(&mut self, body: &[u8]) -> Result<(), Problem> {
        let elements: Vec<&serde_json::value::RawValue> = match body.trim_ascii_start().first() {
            Some(b'[') => serde_json::from_slice(body).map_err(|error| malformed(&error))?,
            _ => vec![serde_json::from_slice(body).map_err(|error| malformed(&error))?],
        };
        for element in elements {
            self.read(element.get().as_bytes(), None)?;
        }
        Ok(())
    }

    fn read_lines(&mut self, body: &[u8]) -> Result<(), Problem> {
        for (line_idx, line) in body.split(|byte| *byte == b'\n').enumerate() {
            if !line.trim_ascii().is_empty() {
                self.read(line, Some(line_idx as u64 + 1))?;
            }
        }
        Ok(())
    }

    fn read(&mut self, json: &[u8], line: Option<u64>) -> Result<(), Problem> {
        if self.n_read == self.max_labels {
            return Err(Problem::too_many_rows(self.max_labels));
        }
        self.n_read += 1;
        match self.label(json) {
            Ok(label) => self.labels.push(label),
            Err(mut issue) => {
                issue.row = Some(self.n_read);
                issue.line = line;
                self.issues.push(*issue);
            }
        }
        Ok(())
    }

    fn label(&self, json: &[u8]) -> Result<Label, Box<Issue>> {
        let read: LabelRequest = serde_json::from_slice(json).map_err(|error| {
            let expected = "an object of the texts prediction and label".to_owned();
            Issue::new(None, Some(shortened(&error.to_string())), expected)
        })?;
        let Some(prediction) = PredictionId::parse(&read.prediction) else {
            let expected = "an id as answered with a prediction: 32 digits of 0-9 and a-f";
            let found = Some(format!("{:?}", shortened(&read.prediction)));
            return Err(Issue::new(Some("prediction"), found, expected.to_owned()).into());
        };
        if !self.classes.contains(&read.label.as_str()) {
            let found = Some(format!("{:?}", shortened(&read.label)));
            let expected = format!("{} or {}", self.classes[0], self.classes[1]);
            return Err(Issue::new(Some("label"), found, expected).into());
        }
        let class = read.label;
        Ok(Label { prediction, class })
    }

    fn finish(mut self) -> Result<Vec<Label>, Problem> {
        if self.n_read == 0 {
            let expected = "at least one label".to_owned();
            self.issues.push(Issue::new(None, None, expected));
        }
        if self.issues.is_empty() {
            return Ok(self.labels);
        }
        Err(Problem::invalid_rows(self.issues))
    }
}
