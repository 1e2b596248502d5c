//! Tests of who is asked, and of what is begun.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use picket_trainer::jobs::{
    CronTrigger, JobSettings, Jobs, LabelTrigger, LiveNumbers, Schedule, ScheduleAudit,
    StateFolder, TaskEnd, TaskRequest, Trigger, TriggerTimes,
};
use picket_trainer::pipeline::PipelineConfig;
use picket_trainer::{TrainerError, phishing_schema};

/// Labels by their times, in seconds since 1970.
#[derive(Clone, Debug, Default)]
struct Labels(Arc<Mutex<Vec<u64>>>);

impl LiveNumbers for Labels {
    fn n_labels_since(&self, time: SystemTime) -> Result<u64, TrainerError> {
        let labels = self.0.lock().unwrap();
        Ok(labels.iter().filter(|at| second(**at) >= time).count() as u64)
    }

    fn accuracy_since(&self, _time: SystemTime) -> Result<Option<(f64, u64)>, TrainerError> {
        Ok(None)
    }

    fn drift_alert(&self) -> Result<Option<String>, TrainerError> {
        Ok(None)
    }
}

/// A trigger that cannot tell.
#[derive(Debug)]
struct Broken;

impl Trigger for Broken {
    fn name(&self) -> &'static str {
        "broken"
    }

    fn reason(&self, _times: &TriggerTimes) -> Result<Option<String>, TrainerError> {
        Err(failure())
    }
}

/// An audit log that may be full.
#[derive(Debug, Default)]
struct Audit {
    n_lines: AtomicU64,
    is_full: bool,
}

impl ScheduleAudit for Audit {
    fn begins(&self, _request: &TaskRequest) -> Result<(), TrainerError> {
        if self.is_full {
            return Err(failure());
        }
        self.n_lines.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

fn failure() -> TrainerError {
    TrainerError::Usage {
        option: "a store".to_owned(),
        expected: "one that answers".to_owned(),
    }
}

fn second(at: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(at)
}

/// Now, to the second that a task's request has.
fn this_second() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap().as_secs()
}

fn jobs(folder: &std::path::Path) -> Jobs {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let state = StateFolder::open(folder).unwrap();
    let opening = Jobs::open(state, None, JobSettings::default());
    runtime.block_on(opening).unwrap()
}

fn schedule(triggers: Vec<Arc<dyn Trigger>>) -> Schedule {
    Schedule {
        config: PipelineConfig::default(),
        schema: phishing_schema().unwrap(),
        triggers,
        every: Duration::from_secs(20),
    }
}

fn end(jobs: &Jobs, request: &TaskRequest) {
    let end = TaskEnd::failure("no rows".to_owned());
    assert!(jobs.state.end(&request.task_id, &end).unwrap());
}

#[test]
fn labels_count_once_whatever_becomes_of_the_training() {
    let dir = tempfile::tempdir().unwrap();
    let jobs = jobs(dir.path());
    let (labels, audit) = (Labels::default(), Audit::default());
    let trigger = LabelTrigger {
        live: labels.clone(),
        n_labels: 3,
    };
    let schedule = schedule(vec![Arc::new(trigger)]);
    let now = this_second();
    let ask = |at: u64| schedule.ask(&jobs, &audit, second(at)).unwrap();

    labels.0.lock().unwrap().extend([now - 9, now - 8]);
    assert!(ask(now).is_none(), "two of three");
    labels.0.lock().unwrap().push(now - 7);
    let first = ask(now).unwrap();
    assert_eq!(first.by, "schedule");
    assert_eq!(
        first.cause,
        "labels: 3 labels have come since the last training"
    );
    assert_eq!(jobs.state.task(&first.task_id).unwrap().request, first);
    // It is under way; it fails; its labels were looked at all the same.
    assert!(ask(now + 1).is_none());
    // Well after the training by the clock of the machine, which gives a task its time.
    let now = now + 600;
    labels.0.lock().unwrap().extend([now + 2, now + 3, now + 4]);
    assert!(ask(now + 5).is_none(), "one at a time");
    end(&jobs, &first);
    let second = ask(now + 6).unwrap();
    end(&jobs, &second);
    assert!(ask(now + 7).is_none());
    assert_eq!(audit.n_lines.load(Ordering::Relaxed), 2);
}

#[test]
fn labels_before_a_training_do_not_come_back_when_its_task_is_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let jobs = jobs(dir.path());
    let (labels, audit) = (Labels::default(), Audit::default());
    let now = this_second();
    labels.0.lock().unwrap().extend([now - 9, now - 8, now - 7]);
    let trigger = LabelTrigger {
        live: labels.clone(),
        n_labels: 3,
    };
    let schedule = schedule(vec![Arc::new(trigger)]);
    let ask = |at: u64| schedule.ask(&jobs, &audit, second(at)).unwrap();
    let first = ask(now).unwrap();
    end(&jobs, &first);
    assert!(ask(now + 60).is_none());
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!(jobs.state.forget_ended(Duration::ZERO).unwrap(), 1);
    assert!(ask(now + 120).is_none(), "no label has come since");
    // A memory that was damaged is not the end of it.
    let place = dir.path().join(format!("schedule-{}.json", file_name()));
    assert!(place.exists());
    std::fs::write(&place, "{").unwrap();
    assert!(ask(now + 180).is_some());
}

fn file_name() -> String {
    PipelineConfig::default().name.replace(' ', "_")
}

#[test]
fn a_trigger_that_cannot_tell_leaves_the_clock_alone() {
    let dir = tempfile::tempdir().unwrap();
    let jobs = jobs(dir.path());
    let audit = Audit::default();
    let cron = CronTrigger("* * * * *".parse().unwrap());
    let schedule = schedule(vec![Arc::new(Broken), Arc::new(cron)]);
    let now = this_second();
    assert!(
        schedule
            .ask(&jobs, &audit, second(now - 61))
            .unwrap()
            .is_none()
    );
    let due = schedule.ask(&jobs, &audit, second(now)).unwrap().unwrap();
    assert!(due.cause.starts_with("schedule: "), "{}", due.cause);
}

#[test]
fn several_processes_begin_one_training() {
    let dir = tempfile::tempdir().unwrap();
    let audit = Audit::default();
    let all: Vec<Jobs> = (0..4).map(|_| jobs(dir.path())).collect();
    let now = this_second();
    let asking = |jobs: &Jobs, at: u64| {
        let cron = CronTrigger("* * * * *".parse().unwrap());
        schedule(vec![Arc::new(cron)])
            .ask(jobs, &audit, second(at))
            .unwrap()
    };
    asking(&all[0], now - 61);
    let n_begun: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = all
            .iter()
            .map(|jobs| scope.spawn(|| (0..20).filter(|_| asking(jobs, now).is_some()).count()))
            .collect();
        threads.into_iter().map(|it| it.join().unwrap()).sum()
    });
    assert_eq!(n_begun, 1);
    assert_eq!(all[0].state.task_ids().unwrap().len(), 1);
}

#[test]
fn what_cannot_be_written_down_is_not_begun_and_is_due_again() {
    let dir = tempfile::tempdir().unwrap();
    let jobs = jobs(dir.path());
    let cron = CronTrigger("* * * * *".parse().unwrap());
    let schedule = schedule(vec![Arc::new(cron)]);
    let now = this_second();
    let good = Audit::default();
    let full = Audit {
        is_full: true,
        ..Audit::default()
    };
    schedule.ask(&jobs, &good, second(now - 61)).unwrap();
    assert!(schedule.ask(&jobs, &full, second(now)).is_err());
    assert!(jobs.state.task_ids().unwrap().is_empty());
    assert!(schedule.ask(&jobs, &good, second(now)).unwrap().is_some());
}
