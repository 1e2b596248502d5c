//! Shadow mode: a challenger scores a share of the rows beside the champion, and never answers.

use std::fmt::Write as _;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use picket_schema::sha256;
use picket_service::{HostMetrics, PredictionId, Predictions, Scoring, ScoringError, only};
use picket_wasm_model::{Explanation, Scored};

/// Rows that wait for the challenger. When it falls behind, rows are left out and counted.
const QUEUE: usize = 1024;
/// Upper bounds of the histogram of the challenger's score less the champion's.
const DELTAS: [f64; 10] = [-0.5, -0.2, -0.1, -0.05, -0.01, 0.01, 0.05, 0.1, 0.2, 0.5];

/// What became of the challenger's scores, over all challengers since the start.
#[derive(Debug, Default)]
pub struct ShadowMetrics(Mutex<Counters>);

#[derive(Debug, Default)]
struct Counters {
    /// The challenger's version; none while there is no challenger.
    version: Option<String>,
    agreed: u64,
    disagreed: u64,
    left_out: u64,
    failed: u64,
    buckets: [u64; DELTAS.len()],
    sum: f64,
}

impl ShadowMetrics {
    /// Counts for another challenger from now on, or for none.
    pub(crate) fn start(&self, version: Option<&str>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Counters {
            version: version.map(str::to_owned),
            ..Counters::default()
        };
    }
}

/// The counters as one challenger sees them: what it does after another has taken its place counts no more.
#[derive(Clone)]
struct Tally {
    metrics: Arc<ShadowMetrics>,
    version: String,
}

impl Tally {
    fn count(&self, count: impl FnOnce(&mut Counters)) {
        let mut counters = self
            .metrics
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if counters.version.as_ref() == Some(&self.version) {
            count(&mut counters);
        }
    }

    fn compared(&self, champion: &Scored, challenger: &Scored) {
        let delta = challenger.score.0 - champion.score.0;
        self.count(|counters| {
            if champion.verdict == challenger.verdict {
                counters.agreed += 1;
            } else {
                counters.disagreed += 1;
            }
            counters.sum += delta;
            for (bucket, bound) in counters.buckets.iter_mut().zip(DELTAS) {
                *bucket += u64::from(delta <= bound);
            }
        });
    }
}

impl HostMetrics for ShadowMetrics {
    fn write(&self, page: &mut String) {
        let counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(version) = &counters.version else {
            return;
        };
        let version = version.replace('\\', "\\\\").replace('"', "\\\"");
        let version = version.replace('\n', "\\n");
        // Writing to a string cannot fail.
        let _ = page.write_str(
            "# HELP picket_shadow_rows_total Rows for the challenger, by what became of them.\n\
             # TYPE picket_shadow_rows_total counter\n",
        );
        for (result, count) in [
            ("agreed", counters.agreed),
            ("disagreed", counters.disagreed),
            ("left_out", counters.left_out),
            ("failed", counters.failed),
        ] {
            let _ = writeln!(
                page,
                "picket_shadow_rows_total{{result=\"{result}\",challenger_version=\"{version}\"}} {count}"
            );
        }
        let _ = page.write_str(
            "# HELP picket_shadow_score_delta The challenger's score less the champion's.\n\
             # TYPE picket_shadow_score_delta histogram\n",
        );
        let count = counters.agreed + counters.disagreed;
        let label = format!("challenger_version=\"{version}\"");
        for (bucket, bound) in counters.buckets.iter().zip(DELTAS) {
            let _ = writeln!(
                page,
                "picket_shadow_score_delta_bucket{{le=\"{bound}\",{label}}} {bucket}"
            );
        }
        let sum = counters.sum;
        let _ = write!(
            page,
            "picket_shadow_score_delta_bucket{{le=\"+Inf\",{label}}} {count}\n\
             picket_shadow_score_delta_sum{{{label}}} {sum}\n\
             picket_shadow_score_delta_count{{{label}}} {count}\n"
        );
    }
}

/// Which rows a challenger scores: the same on every run with the same key, and nobody without the key can tell.
#[derive(Clone)]
pub struct ShadowShare {
    key: [u8; 32],
    per_mille: u64,
}

impl ShadowShare {
    /// Chooses `per_mille` of a thousand rows.
    #[must_use]
    pub fn new(key: [u8; 32], per_mille: u64) -> Self {
        Self { key, per_mille }
    }

    /// Whether a row is chosen. Shape of `row`: `(n_features,)`.
    #[must_use]
    pub fn takes(&self, row: &[f32]) -> bool {
        if self.per_mille >= 1000 {
            return true;
        }
        let mut keyed = self.key.to_vec();
        keyed.extend(row.iter().flat_map(|x| x.to_bits().to_le_bytes()));
        let digest = sha256(&keyed);
        let start = [0, 1, 2, 3, 4, 5, 6, 7].map(|idx| digest[idx]);
        // The digest is uniform, and 1000 is far below 2^64: no value is favoured to a measurable degree.
        u64::from_le_bytes(start) % 1000 < self.per_mille
    }
}

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
        let tally = Tally {
            metrics,
            version: version.to_owned(),
        };
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
            self.tally.count(|counters| counters.left_out += 1);
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
            Err(_) => tally.count(|counters| counters.failed += 1),
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
    fn the_share_is_kept_and_the_choice_is_the_same_every_time() {
        let share = ShadowShare::new([3; 32], 200);
        let row = |idx: u16| [f32::from(idx), 1.0];
        let chosen: Vec<bool> = (0..10_000).map(|idx| share.takes(&row(idx))).collect();
        let n_chosen = chosen.iter().filter(|it| **it).count();
        // Four standard deviations of a binomial around 2000.
        assert!((1840..=2160).contains(&n_chosen), "{n_chosen}");
        let again: Vec<bool> = (0..10_000).map(|idx| share.takes(&row(idx))).collect();
        assert_eq!(chosen, again);
        let other = ShadowShare::new([4; 32], 200);
        let other: Vec<bool> = (0..10_000).map(|idx| other.takes(&row(idx))).collect();
        assert_ne!(chosen, other);
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
            assert!(start.elapsed() < Duration::from_secs(10), "{page}");
            std::thread::yield_now();
        }
    }
}
