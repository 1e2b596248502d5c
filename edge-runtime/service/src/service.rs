//! From a request to a response.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};

use crate::answer::VerdictCounts;
use crate::assets::Assets;
use crate::clock::Clock;
use crate::limits::Limits;
use crate::metrics::{HostMetrics, Metrics, Observation};
use crate::problem::{Problem, ProblemKind};
use crate::recording::{IdSource, NotRecorded, PredictionId, Predictions, Receipt, Recorder};
use crate::reply::Reply;
use crate::route::{Route, predict};
use crate::scoring::{Scoring, ScoringError};
use crate::security;
use crate::served_model::ServedModel;
use picket_wasm_model::Scored;

/// Rows handed to the scorer at a time: bounds its memory, and how long one call may take.
const ROWS_PER_CALL: usize = 4096;

/// The largest body that is answered at once: many times a usual row, and read in microseconds.
const QUICK_BODY: usize = 32 << 10;

/// Names the model in every answer.
const VERSION_HEADER: HeaderName = HeaderName::from_static("picket-model-version");
/// Names the artifact in every answer.
const DIGEST_HEADER: HeaderName = HeaderName::from_static("picket-artifact-digest");
/// The signed release that the model came in, where it came in one.
const RELEASE_HEADER: HeaderName = HeaderName::from_static("picket-release");

/// The HTTP API over one model.
pub struct Service {
    pub(crate) model: ServedModel,
    pub(crate) assets: Arc<Assets>,
    pub(crate) limits: Limits,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) host_metrics: Option<Arc<dyn HostMetrics>>,
    pub(crate) recorder: Option<Arc<dyn Recorder>>,
    ids: Option<Arc<dyn IdSource>>,
    scoring: Box<dyn Scoring>,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service")
            .field("model", &self.model.version())
            .finish_non_exhaustive()
    }
}

impl Service {
    /// Puts a service together. `scoring` scores with the artifact of `model`.
    #[must_use]
    pub fn new(
        model: ServedModel,
        scoring: Box<dyn Scoring>,
        assets: Assets,
        clock: Box<dyn Clock>,
        limits: Limits,
    ) -> Self {
        Self {
            model,
            assets: Arc::new(assets),
            limits,
            metrics: Arc::default(),
            host_metrics: None,
            recorder: None,
            ids: None,
            scoring,
            clock: Arc::from(clock),
        }
    }

    /// Lets a host add what it counts to `/metrics`.
    #[must_use]
    pub fn with_host_metrics(mut self, host_metrics: Arc<dyn HostMetrics>) -> Self {
        self.host_metrics = Some(host_metrics);
        self
    }

    /// The same service over another model: page, limits and counters stay. `scoring` scores with the
    /// artifact of `model`. Requests that this service answers are not touched.
    #[must_use]
    pub fn with_model(&self, model: ServedModel, scoring: Box<dyn Scoring>) -> Self {
        Self {
            model,
            assets: Arc::clone(&self.assets),
            limits: self.limits,
            metrics: Arc::clone(&self.metrics),
            host_metrics: self.host_metrics.clone(),
            recorder: self.recorder.clone(),
            ids: self.ids.clone(),
            scoring,
            clock: Arc::clone(&self.clock),
        }
    }

    /// Gives every prediction an id.
    #[must_use]
    pub fn with_ids(mut self, ids: Arc<dyn IdSource>) -> Self {
        self.ids = Some(ids);
        self
    }

    /// Records every prediction and label. Records need ids: see [`Service::with_ids`].
    #[must_use]
    pub fn with_recorder(mut self, recorder: Arc<dyn Recorder>) -> Self {
        self.recorder = Some(recorder);
        self
    }

    /// The route of a path, as metrics name it: one of [`crate::ROUTES`].
    #[must_use]
    pub fn route_label(&self, path: &str) -> &'static str {
        Route::of(path, &self.assets).label()
    }

    /// The caps that requests are held to.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// The model that answers.
    #[must_use]
    pub fn model(&self) -> &ServedModel {
        &self.model
    }

    /// Answers a request. What is wrong with it is an answer too.
    #[must_use]
    pub fn handle(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let start = self.clock.elapsed();
        let path = request.uri().path();
        let route = Route::of(path, &self.assets);
        let outcome = if request.body().len() > self.limits.max_body {
            Err(Problem::body_too_large(self.limits.max_body))
        } else {
            self.dispatch(route, request)
        };
        let mut response = self.finish(request, outcome);
        self.observe_since(start, route, request, &mut response);
        response
    }

    /// Whether [`Service::handle_now`] may answer a request, by its head.
    #[must_use]
    pub fn may_be_quick<B>(&self, request: &Request<B>) -> bool {
        let path_and_query = request.uri().path_and_query();
        // With a query it may be an explanation, which takes a while.
        request.method() == Method::POST && path_and_query.is_some_and(|it| it == "/predict")
    }

    /// Answers at once what takes microseconds: one row, without an explanation. `None` is for all other
    /// requests, and for a scorer that is busy: [`Service::handle`] answers those, on a thread that may wait.
    #[must_use]
    pub fn handle_now(&self, request: &Request<Bytes>) -> Option<Response<Bytes>> {
        let n_bytes = request.body().len();
        if !self.may_be_quick(request) || n_bytes > QUICK_BODY.min(self.limits.max_body) {
            return None;
        }
        let start = self.clock.elapsed();
        let mut response = self.finish(request, predict::predict_now(self, request)?);
        self.observe_since(start, Route::Predict, request, &mut response);
        Some(response)
    }

    /// Answers a request that the host could not read to its end, with the problem that it saw.
    #[must_use]
    pub fn refuse<B>(&self, request: &Request<B>, problem: Problem) -> Response<Bytes> {
        let route = Route::of(request.uri().path(), &self.assets);
        let response = self.finish(request, Err(problem));
        let seen = Observation::of(request.method(), route, 0, &response);
        self.metrics.observe(&seen, None);
        response
    }

    /// Answers a route that the host has beside these, with a JSON document.
    #[must_use]
    pub fn answer_with<B>(
        &self,
        request: &Request<B>,
        document: &impl serde::Serialize,
    ) -> Response<Bytes> {
        let response = self.finish(request, Ok(Reply::json(document)));
        let route = Route::of(request.uri().path(), &self.assets);
        let seen = Observation::of(request.method(), route, 0, &response);
        self.metrics.observe(&seen, None);
        response
    }

    /// Counts a response, once: one with a receipt when that is kept. Where it is not, something else goes out.
    fn observe_since(
        &self,
        start: Option<Duration>,
        route: Route,
        request: &Request<Bytes>,
        response: &mut Response<Bytes>,
    ) {
        let seen = Observation::of(request.method(), route, request.body().len(), response);
        let (metrics, clock) = (&self.metrics, &self.clock);
        match response.extensions_mut().remove::<Receipt>() {
            None => metrics.observe(&seen, since(start, &**clock)),
            Some(receipt) => {
                let (metrics, clock) = (Arc::clone(metrics), Arc::clone(clock));
                let count = move || metrics.observe(&seen, since(start, &*clock));
                response.extensions_mut().insert(receipt.when_kept(count));
            }
        }
    }

    fn dispatch(&self, route: Route, request: &Request<Bytes>) -> Result<Reply, Problem> {
        let method = request.method();
        let allowed = match route {
            Route::Predict | Route::Batch | Route::Feedback => *method == Method::POST,
            Route::Unknown => true,
            _ => *method == Method::GET || *method == Method::HEAD,
        };
        if !allowed {
            let allow = route.allow();
            let path = crate::issue::shortened(request.uri().path());
            let detail = format!("{path} answers {allow}");
            let mut problem = Problem::new(ProblemKind::MethodNotAllowed, detail);
            problem.allow = Some(allow);
            return Err(problem);
        }
        route.answer(self, request)
    }

    /// What goes out instead of a response whose [`Receipt`] failed. It is counted, and the other is not.
    #[must_use]
    pub fn not_recorded<B>(&self, request: &Request<B>, error: NotRecorded) -> Response<Bytes> {
        self.refuse(request, error.into())
    }

    /// Ids for so many predictions; none where the host has no source of them.
    pub(crate) fn new_ids(&self, n_rows: usize) -> Vec<PredictionId> {
        self.ids
            .iter()
            .flat_map(|ids| (0..n_rows).map(|_| ids.next_id()))
            .collect()
    }

    /// Records predictions where the host does.
    pub(crate) fn record(
        &self,
        ids: &[PredictionId],
        rows: &[f32],
        scored: &[Scored],
        headers: &http::HeaderMap,
    ) -> Result<Option<Receipt>, Problem> {
        let Some(recorder) = self.recorder.as_ref().filter(|_| !ids.is_empty()) else {
            return Ok(None);
        };
        let model = &self.model;
        Ok(recorder.predictions(&Predictions {
            model,
            ids,
            rows,
            scored,
            headers,
        })?)
    }

    /// Scores rows and counts them. Shape of `rows`: `(n_rows, n_features)`, row-major.
    pub(crate) fn score(&self, rows: &[f32]) -> Result<Vec<Scored>, Problem> {
        let n_features = self.model.n_features();
        let mut scored = Vec::with_capacity(rows.len() / n_features);
        for chunk in rows.chunks(ROWS_PER_CALL * n_features) {
            scored.extend(
                self.scoring
                    .score(chunk)
                    .map_err(|error| scorer_problem(&error))?,
            );
        }
        self.metrics.count_rows(VerdictCounts::of(&scored));
        Ok(scored)
    }

    /// Scores one row and counts it, or says by `None` that the scorer is busy. Shape of `row`: `(n_features,)`.
    pub(crate) fn score_now(&self, row: &[f32]) -> Option<Result<Scored, Problem>> {
        let scored = self.scoring.score_now(row)?;
        if let Ok(scored) = &scored {
            self.metrics.count_rows(VerdictCounts::of(&[*scored]));
        }
        Some(scored.map_err(|error| scorer_problem(&error)))
    }

    pub(crate) fn explain(&self, row: &[f32]) -> Result<picket_wasm_model::Explanation, Problem> {
        let explanation = self
            .scoring
            .explain(row)
            .map_err(|error| scorer_problem(&error))?;
        self.metrics
            .count_rows(VerdictCounts::of(&[explanation.scored]));
        Ok(explanation)
    }

    /// Whether the scorer answers: scores a row of missing values, which every model can.
    pub(crate) fn probe(&self) -> Result<(), Problem> {
        let row = vec![f32::NAN; self.model.n_features()];
        self.scoring
            .score(&row)
            .map(|_| ())
            .map_err(|error| scorer_problem(&error))
    }

    fn finish<B>(&self, request: &Request<B>, outcome: Result<Reply, Problem>) -> Response<Bytes> {
        let (reply, allow) = match outcome {
            Ok(reply) => (Self::unless_known(request, reply), None),
            Err(problem) => {
                if matches!(
                    problem.kind,
                    ProblemKind::ScorerFailed | ProblemKind::ScorerUnavailable
                ) {
                    self.metrics.count_scorer_failure();
                }
                let body = problem.body(self.model.tag());
                let content_type = "application/problem+json";
                let status = problem.kind.status();
                (
                    Reply {
                        status,
                        content_type,
                        body: body.into(),
                        etag: None,
                        receipt: None,
                    },
                    problem.allow,
                )
            }
        };
        // A HEAD request gets its body too: the HTTP server leaves it out, and keeps its length.
        let mut response = Response::new(reply.body);
        *response.status_mut() = reply.status;
        if let Some(receipt) = reply.receipt {
            response.extensions_mut().insert(receipt);
        }
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static(reply.content_type),
        );
        headers.insert(VERSION_HEADER, self.model.version_header.clone());
        headers.insert(DIGEST_HEADER, self.model.digest_header.clone());
        if let Some((number, _)) = &self.model.release {
            headers.insert(RELEASE_HEADER, HeaderValue::from(*number));
        }
        security::insert(headers, reply.content_type);
        let tag = reply
            .etag
            .as_deref()
            .and_then(|etag| HeaderValue::from_str(etag).ok());
        // A file may be kept, but the next model has the same path: ask before using it again.
        let kept = if tag.is_some() {
            "no-cache"
        } else {
            "no-store"
        };
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(kept));
        if let Some(tag) = tag {
            headers.insert(header::ETAG, tag);
        }
        if let Some(allow) = allow {
            headers.insert(header::ALLOW, HeaderValue::from_static(allow));
        }
        if reply.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }

    /// The reply without its body where the client has it already.
    fn unless_known<B>(request: &Request<B>, mut reply: Reply) -> Reply {
        let known = request.headers().get_all(header::IF_NONE_MATCH);
        let matches = reply.etag.as_deref().is_some_and(|etag| {
            known
                .iter()
                .filter_map(|value| value.to_str().ok())
                .any(|value| {
                    let mut tags = value
                        .split(',')
                        .map(|tag| tag.trim().trim_start_matches("W/"));
                    tags.any(|tag| tag == etag || tag == "*")
                })
        });
        if matches {
            reply.status = StatusCode::NOT_MODIFIED;
            reply.body = Bytes::new();
        }
        reply
    }
}

fn since(start: Option<Duration>, clock: &dyn Clock) -> Option<Duration> {
    start
        .zip(clock.elapsed())
        .map(|(start, end)| end.saturating_sub(start))
}

pub(crate) fn scorer_problem(error: &ScoringError) -> Problem {
    let kind = match error {
        ScoringError::Unavailable { .. } => ProblemKind::ScorerUnavailable,
        ScoringError::Unexplainable { .. } => ProblemKind::Unexplainable,
        ScoringError::Refused { .. } => ProblemKind::ScorerFailed,
    };
    Problem::new(kind, error.to_string())
}
