//! Which stages there are, and which of them run.

use super::stages::{self, Context};
use anyhow::{Result, bail};

/// One part of the test command.
#[derive(Clone, Copy)]
pub(crate) struct Stage {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    /// Stages without whose results this one has nothing to say.
    pub(crate) needs: &'static [&'static str],
    pub(crate) run: fn(&mut Context) -> Result<()>,
}

/// Cheap checks first. The journeys inside `unit` load the outputs of `build-wasm`; the demo comes
/// last because by then everything that it builds is there.
const STAGES: [Stage; 12] = [
    Stage {
        name: "fmt",
        what: "formatting",
        needs: &[],
        run: stages::fmt,
    },
    Stage {
        name: "tidy",
        what: "the project's own checks",
        needs: &[],
        run: stages::tidy,
    },
    Stage {
        name: "setup",
        what: "what is missing is installed",
        needs: &[],
        run: stages::setup,
    },
    Stage {
        name: "deploy",
        what: "alert rules by promtool",
        needs: &[],
        run: stages::deploy,
    },
    Stage {
        name: "build-wasm",
        what: "browser module, scorer component, Spin component",
        needs: &["setup"],
        run: stages::build_wasm,
    },
    Stage {
        name: "clippy",
        what: "lints",
        needs: &[],
        run: stages::clippy,
    },
    Stage {
        name: "unit",
        what: "every test of the workspace",
        needs: &["setup", "build-wasm"],
        run: stages::unit,
    },
    Stage {
        name: "docs",
        what: "documentation",
        needs: &[],
        run: stages::docs,
    },
    Stage {
        name: "fuzz",
        what: "every fuzz target",
        needs: &["setup"],
        run: stages::fuzz,
    },
    Stage {
        name: "crash",
        what: "the device is killed under load and loses nothing",
        needs: &["setup", "build-wasm"],
        run: stages::crash,
    },
    Stage {
        name: "service",
        what: "the trainer's service answers as its API description says",
        needs: &["setup"],
        run: stages::service,
    },
    Stage {
        name: "demo",
        what: "the demo starts, answers, stops",
        needs: &["setup", "build-wasm"],
        run: stages::demo,
    },
];

/// The stages of one run, in order.
pub(crate) struct Plan(Vec<Stage>);

impl Plan {
    pub(crate) fn new(only: &[String], skip: &[String]) -> Result<Self> {
        if let Some(name) = only
            .iter()
            .chain(skip)
            .find(|name| !STAGES.iter().any(|stage| stage.name == name.as_str()))
        {
            let names: Vec<&str> = STAGES.iter().map(|stage| stage.name).collect();
            bail!("there is no stage `{name}`; there are {}", names.join(", "));
        }
        let named = |list: &[String], stage: &Stage| list.iter().any(|name| name == stage.name);
        let stages: Vec<Stage> = STAGES
            .into_iter()
            .filter(|stage| only.is_empty() || named(only, stage))
            .filter(|stage| !named(skip, stage))
            .collect();
        if stages.is_empty() {
            bail!("no stage is left to run");
        }
        Ok(Self(stages))
    }

    pub(crate) fn stages(&self) -> &[Stage] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(only: &[&str], skip: &[&str]) -> Result<Vec<&'static str>> {
        let owned = |list: &[&str]| {
            list.iter()
                .map(|name| (*name).to_owned())
                .collect::<Vec<_>>()
        };
        let plan = Plan::new(&owned(only), &owned(skip))?;
        Ok(plan.stages().iter().map(|stage| stage.name).collect())
    }

    #[test]
    fn only_and_skip_choose() {
        assert_eq!(names(&["tidy", "fmt"], &[]).unwrap(), ["fmt", "tidy"]);
        assert_eq!(names(&[], &["demo"]).unwrap().len(), STAGES.len() - 1);
        assert!(names(&["fnt"], &[]).is_err());
        assert!(names(&["fmt"], &["fmt"]).is_err());
    }

    #[test]
    fn what_a_stage_needs_comes_before_it() {
        for (idx, stage) in STAGES.iter().enumerate() {
            for need in stage.needs {
                assert!(
                    STAGES[..idx].iter().any(|before| before.name == *need),
                    "{}",
                    stage.name
                );
            }
        }
    }
}
