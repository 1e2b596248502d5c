//! What a trace tells of a training: a span for the whole, under the request that asked for it, and one for each stage.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime};

use picket_telemetry::{Attribute, Span, SpanKind, TraceContext, Tracer};

use crate::jobs::task_id::TaskId;

/// A training that is traced.
#[derive(Debug)]
pub(super) struct TrainingTrace {
    tracer: Arc<Tracer>,
    task_id: TaskId,
    context: TraceContext,
    begun: Begun,
    stage: Mutex<Option<(String, Begun)>>,
}

/// When something began, by the calendar and by a clock that nobody sets.
#[derive(Clone, Copy, Debug)]
struct Begun(SystemTime, Instant);

impl Begun {
    fn now() -> Self {
        Self(SystemTime::now(), Instant::now())
    }

    fn end(self) -> SystemTime {
        self.0 + self.1.elapsed()
    }
}

impl TrainingTrace {
    /// Begins one where there is a tracer and the trace is kept. `asked_by` is the `traceparent` of the request.
    pub(super) fn begin(
        tracer: Option<&Arc<Tracer>>,
        task_id: &TaskId,
        asked_by: Option<&str>,
    ) -> Option<Arc<Self>> {
        let tracer = Arc::clone(tracer?);
        let asked_by = asked_by.map(str::as_bytes);
        let context = TraceContext::of(asked_by, &random, tracer.share_per_million());
        context.is_sampled().then(|| {
            Arc::new(Self {
                tracer,
                task_id: task_id.clone(),
                context,
                begun: Begun::now(),
                stage: Mutex::default(),
            })
        })
    }

    /// A stage begins; the one before has ended.
    pub(super) fn entered(&self, stage: &str) {
        self.change_stage(Some((stage.to_owned(), Begun::now())));
    }

    /// The training has ended, or its worker lets go of it.
    pub(super) fn end(&self, status: &str, is_failed: bool, worker: &str, attempt: u32) {
        self.change_stage(None);
        let mut attributes = self.attributes();
        attributes.extend([
            ("picket.task.status", status.into()),
            ("picket.worker", worker.into()),
            ("picket.attempt", i64::from(attempt).into()),
        ]);
        self.tracer.take(Span {
            context: self.context,
            kind: SpanKind::Consumer,
            name: "training".to_owned(),
            start: self.begun.0,
            end: self.begun.end(),
            is_failed,
            attributes,
        });
    }

    fn change_stage(&self, next: Option<(String, Begun)>) {
        let mut stage = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *stage, next);
        if let Some((name, begun)) = before {
            self.tracer.take(Span {
                context: self.context.child(&random),
                kind: SpanKind::Internal,
                name: format!("stage {name}"),
                start: begun.0,
                end: begun.end(),
                is_failed: false,
                attributes: self.attributes(),
            });
        }
    }

    /// Task and run have one id.
    fn attributes(&self) -> Vec<(&'static str, Attribute)> {
        vec![
            ("picket.task.id", self.task_id.as_str().into()),
            ("picket.run.id", self.task_id.as_str().into()),
        ]
    }
}

/// Random bytes; a collector drops spans whose id is nothing, which is what a system without random numbers makes.
pub(crate) fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    match getrandom::fill(&mut bytes) {
        Ok(()) => bytes,
        Err(_) => [0; 16],
    }
}
