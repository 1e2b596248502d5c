//! Says how far long work is: bars on a terminal, JSON lines elsewhere, nothing for short work.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::learn;
use crate::progress_watch::{ProgressWatch, WatchId};

/// Work that is done sooner is not worth a word.
const QUIET: Duration = Duration::from_secs(1);
/// Milliseconds between two JSON lines.
const LINE_EVERY_MS: u64 = 1000;

/// Where progress goes. Always standard error: standard output is for results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reporter {
    /// Bars with the time left.
    Bars,
    /// One JSON object a line, at most one a second.
    JsonLines,
    /// To a [`ProgressWatch`].
    Watched(WatchId),
    /// Nowhere.
    Silent,
}

impl Reporter {
    /// Bars where standard error is a terminal, unless machine-readable output was asked for.
    #[must_use]
    pub fn for_stderr(json: bool) -> Self {
        if json || !std::io::stderr().is_terminal() {
            Self::JsonLines
        } else {
            Self::Bars
        }
    }

    /// Says which stage of a pipeline begins, where someone watches.
    pub(crate) fn enter(self, stage: &str) {
        if let Some(watch) = self.watch() {
            watch.entered(stage);
        }
    }

    fn watch(self) -> Option<Arc<dyn ProgressWatch>> {
        match self {
            Self::Watched(id) => id.watch(),
            _ => None,
        }
    }

    /// Starts a stage of `total` steps; 0 where the number is not known.
    #[must_use]
    pub fn stage(self, name: &str, total: u64) -> Stage {
        let bar = (self == Self::Bars).then(|| {
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::hidden());
            let template = if total > 0 {
                "{msg:<28} {wide_bar} {percent:>3} %  {eta} left"
            } else {
                "{msg:<28} {human_pos}  {elapsed}"
            };
            bar.set_style(
                ProgressStyle::with_template(template)
                    .unwrap_or_else(|_| ProgressStyle::default_bar()),
            );
            bar.set_message(name.to_owned());
            bar
        });
        Stage {
            reporter: self,
            name: name.to_owned(),
            total,
            start: Instant::now(),
            done: AtomicU64::new(0),
            last_line_ms: AtomicU64::new(0),
            bar,
            watch: self.watch(),
        }
    }
}

/// A stage of the work.
#[derive(Debug)]
pub struct Stage {
    reporter: Reporter,
    name: String,
    total: u64,
    start: Instant,
    done: AtomicU64,
    last_line_ms: AtomicU64,
    bar: Option<ProgressBar>,
    watch: Option<Arc<dyn ProgressWatch>>,
}

/// One line of progress on standard error.
#[derive(Serialize)]
struct Line<'a> {
    event: &'static str,
    stage: &'a str,
    done: u64,
    total: Option<u64>,
    elapsed_s: f64,
    left_s: Option<f64>,
}

impl Stage {
    /// `done` steps are done. Steps may come from many threads and out of order.
    pub fn reach(&self, done: u64) {
        let done = self.done.fetch_max(done, Ordering::Relaxed).max(done);
        let elapsed = self.start.elapsed();
        if let Some(watch) = &self.watch {
            watch.reached(&self.name, done, self.total, elapsed);
        }
        if elapsed < QUIET {
            return;
        }
        if let Some(bar) = &self.bar {
            if bar.is_hidden() {
                bar.set_draw_target(ProgressDrawTarget::stderr());
            }
            bar.set_position(done);
        } else if self.reporter == Reporter::JsonLines {
            let now = elapsed.as_millis() as u64;
            let last = self.last_line_ms.load(Ordering::Relaxed);
            let is_due = last == 0 || now - last.min(now) >= LINE_EVERY_MS;
            let exchange = || {
                self.last_line_ms
                    .compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed)
            };
            if is_due && exchange().is_ok() {
                self.write_line("progress", done);
            }
        }
    }

    /// Says something that should stay on the screen: a line of text above the bar on a terminal, an
    /// object with an event and a stage elsewhere.
    pub fn tell(&self, text: &str, object: &impl Serialize) {
        #[derive(Serialize)]
        struct Told<'a, T> {
            event: &'static str,
            stage: &'a str,
            #[serde(flatten)]
            object: &'a T,
        }
        match self.reporter {
            Reporter::Bars => {
                if let Some(bar) = &self.bar {
                    bar.suspend(|| eprintln!("{text}"));
                }
            }
            Reporter::JsonLines => {
                let told = Told {
                    event: "result",
                    stage: &self.name,
                    object,
                };
                if let Ok(line) = serde_json::to_string(&told) {
                    // As for progress: nobody has to listen.
                    let _ = writeln!(std::io::stderr().lock(), "{line}");
                }
            }
            Reporter::Watched(_) => {
                if let (Some(watch), Ok(object)) = (&self.watch, serde_json::to_value(object)) {
                    watch.told(&self.name, &object);
                }
            }
            Reporter::Silent => {}
        }
    }

    fn write_line(&self, event: &'static str, done: u64) {
        let elapsed_s = self.start.elapsed().as_secs_f64();
        let left = |total: u64| elapsed_s / done.max(1) as f64 * total.saturating_sub(done) as f64;
        let tenths = |seconds: f64| (seconds * 10.0).round() / 10.0;
        let line = Line {
            event,
            stage: &self.name,
            done,
            total: (self.total > 0).then_some(self.total),
            elapsed_s: tenths(elapsed_s),
            left_s: (self.total > 0).then(|| tenths(left(self.total))),
        };
        if let Ok(text) = serde_json::to_string(&line) {
            // Progress is a courtesy: a reader of stderr that went away stops nothing.
            let _ = writeln!(std::io::stderr().lock(), "{text}");
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        } else if self.last_line_ms.load(Ordering::Relaxed) > 0 {
            self.write_line("done", self.done.load(Ordering::Relaxed));
        }
    }
}

impl learn::Progress for Stage {
    fn tree_grown(&self, grown: usize, _total: usize) {
        self.reach(grown as u64);
    }
}
