//! Shadow mode: a challenger scores a share of the rows beside the champion, and never answers.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use picket_record::ShadowTally as Tally;
pub use picket_record::{ShadowMetrics, ShadowShare};
use picket_service::{PredictionId, Predictions, Scoring, ScoringError, only};
use picket_wasm_model::{Explanation, Scored};

/// Rows that wait for the challenger. When it falls behind, rows are left out and counted.
const QUEUE: usize = 1024;
/// A prediction that was recorded: its id and the pseudonym of its source.
pub(crate) type Recorded = (PredictionId, Option<String>);

/// Is told of a recorded prediction what the champion and the challenger said.
pub(crate) type Told = Box<dyn Fn(Recorded, &Scored, &Scored) + Send>;

struct Row {
    values: Vec<f32>,
    champion: Scored,
    recorded: Option<Recorded>,
}

/// A challenger that looks on. It scores in a thread of its own, which ends with this.
pub(crate) struct Shadow {
    n_features: usize,
    share: ShadowShare,
    queue: SyncSender<Row>,
    tally: Tally,
}

impl Shadow {
    /// Starts the challenger's thread. Counted is only while the metrics are about its version.
    pub(crate) fn start(
        (challenger, version): (Box<dyn Scoring>, &str),
        n_features: usize,
        share: ShadowShare,
        metrics: Arc<ShadowMetrics>,
        told: Option<Told>,
    ) -> std::io::Result<Self> {
        let (queue, rows) = sync_channel(QUEUE);
        let tally = Tally::new(metrics, version);
        let counted = tally.clone();
        std::thread::Builder::new()
            .name("challenger".into())
            .spawn(move || compare(rows, &*challenger, &counted, told.as_deref()))?;
        Ok(Self {
            n_features,
            share,
            queue,
            tally,
        })
    }

    fn show(&self, row: &[f32], champion: Scored, recorded: impl FnOnce() -> Option<Recorded>) {
        if !self.share.takes(row) {
            return;
        }
        let shown = Row {
            values: row.to_vec(),
            champion,
            recorded: recorded(),
        };
        // The champion waits for nobody.
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) =
            self.queue.try_send(shown)
        {
            self.tally.left_out(1);
        }
    }

    /// Shows the rows of predictions that were recorded.
    pub(crate) fn show_recorded(&self, made: &Predictions<'_>, source: Option<&String>) {
        let rows = made.rows.chunks_exact(self.n_features);
        for ((row, scored), id) in rows.zip(made.scored).zip(made.ids) {
            self.show(row, *scored, || Some((*id, source.cloned())));
        }
    }
}

/// A champion that answers and a challenger that looks on.
pub struct ShadowScoring<S> {
    champion: S,
    shadow: Shadow,
}

impl<S: Scoring> ShadowScoring<S> {
    /// Puts a challenger of some version beside a champion. It scores in a thread of its own, which ends with this.
    /// Counted is only while the metrics are about that version.
    ///
    /// # Errors
    /// What the system says where it has no thread left.
    pub fn new(
        champion: S,
        challenger: (Box<dyn Scoring>, &str),
        n_features: usize,
        share: ShadowShare,
        metrics: Arc<ShadowMetrics>,
    ) -> std::io::Result<Self> {
        let shadow = Shadow::start(challenger, n_features, share, metrics, None)?;
        Ok(Self { champion, shadow })
    }

    fn show(&self, row: &[f32], champion: Scored) {
        self.shadow.show(row, champion, || None);
    }
}

/// Is told of a recorded row and both answers.
type TellRow = dyn Fn(Recorded, &Scored, &Scored) + Send;

fn compare(rows: Receiver<Row>, challenger: &dyn Scoring, tally: &Tally, told: Option<&TellRow>) {
    for row in rows {
        match challenger.score(&row.values).and_then(|it| only(&it)) {
            Ok(scored) => {
                tally.compared(&row.champion, &scored);
                if let (Some(told), Some(recorded)) = (told, row.recorded) {
                    told(recorded, &row.champion, &scored);
                }
            }
            Err(_) => tally.failed(),
        }
    }
}

impl<S: Scoring> Scoring for ShadowScoring<S> {
    fn score(&self, rows: &[f32]) -> Result<Vec<Scored>, ScoringError> {
        let scored = self.champion.score(rows)?;
        for (row, scored) in rows.chunks_exact(self.shadow.n_features).zip(&scored) {
            self.show(row, *scored);
        }
        Ok(scored)
    }

    fn score_now(&self, row: &[f32]) -> Option<Result<Scored, ScoringError>> {
        let scored = self.champion.score_now(row)?;
        if let Ok(scored) = &scored {
            self.show(row, *scored);
        }
        Some(scored)
    }

    fn explain(&self, row: &[f32]) -> Result<Explanation, ScoringError> {
        let explanation = self.champion.explain(row)?;
        self.show(row, explanation.scored);
        Ok(explanation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use picket_schema::{Margin, Score, Verdict};
    use picket_service::HostMetrics as _;
    use std::time::{Duration, Instant};

    /// The same score for every row.
    struct Fixed(f64, Verdict);

    impl Scoring for Fixed {
        fn score(&self, rows: &[f32]) -> Result<Vec<Scored>, ScoringError> {
            let scored = |_: &[f32]| Scored {
                margin: Margin(0.0),
                score: Score(self.0),
                verdict: self.1,
            };
            Ok(rows.chunks(2).map(scored).collect())
        }

        fn explain(&self, _: &[f32]) -> Result<Explanation, ScoringError> {
            let reason = String::new();
            Err(ScoringError::Unavailable { reason })
        }
    }

    #[test]
    fn the_challenger_is_compared_and_never_answers() {
        let metrics = Arc::new(ShadowMetrics::default());
        metrics.start(Some("b\"2"));
        let champion = Fixed(0.25, Verdict::Negative);
        let challenger: Box<dyn Scoring> = Box::new(Fixed(0.75, Verdict::Positive));
        let challenger = (challenger, "b\"2");
        let share = ShadowShare::new([0; 32], 1000);
        let shadow = ShadowScoring::new(champion, challenger, 2, share, Arc::clone(&metrics))
            .expect("a thread");
        let scored = shadow.score(&[1.0, 2.0, 3.0, 4.0]).expect("scores");
        assert!(scored.iter().all(|one| one.score == Score(0.25)));
        let one = shadow.score_now(&[1.0, 2.0]).expect("idle");
        assert_eq!(one.map(|it| it.verdict), Ok(Verdict::Negative));
        let expected =
            "picket_shadow_rows_total{result=\"disagreed\",challenger_version=\"b\\\"2\"} 3\n";
        let start = Instant::now();
        loop {
            let mut page = String::new();
            metrics.write(&mut page);
            if page.contains(expected) {
                let bucket = "picket_shadow_score_delta_bucket{le=\"0.2\",challenger_version=\"b\\\"2\"} 0\n";
                assert!(page.contains(bucket), "{page}");
                let sum = "picket_shadow_score_delta_sum{challenger_version=\"b\\\"2\"} 1.5\n";
                assert!(page.contains(sum), "{page}");
                return;
            }
            assert!(start.elapsed() < Duration::from_mins(1), "{page}");
            std::thread::yield_now();
        }
    }
}
