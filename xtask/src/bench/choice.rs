//! `--only`: which shapes, modes, hosts and engines to measure.

use super::lab::SHAPES;

const HOSTS: [&str; 4] = ["native", "wasmtime", "node", "chromium"];

/// Words of a kind restrict that kind; a kind without words is whole.
#[derive(Default)]
pub(crate) struct Choice {
    shapes: Vec<String>,
    modes: Vec<String>,
    hosts: Vec<String>,
    engines: Vec<String>,
}

impl Choice {
    /// Sorts words by kind; what is no shape, mode or host is an engine.
    pub(crate) fn new(words: Vec<String>, modes: &[&str]) -> Self {
        let mut this = Self::default();
        for word in words {
            let kind = match word.as_str() {
                word if SHAPES.contains(&word) => &mut this.shapes,
                word if modes.contains(&word) => &mut this.modes,
                word if HOSTS.contains(&word) => &mut this.hosts,
                _ => &mut this.engines,
            };
            kind.push(word);
        }
        this
    }

    pub(crate) fn takes_shape(&self, shape: &str) -> bool {
        takes(&self.shapes, shape)
    }

    pub(crate) fn takes_mode(&self, mode: &str) -> bool {
        takes(&self.modes, mode)
    }

    pub(crate) fn takes_engine(&self, host: &str, engine: &str) -> bool {
        takes(&self.hosts, host) && takes(&self.engines, engine)
    }
}

fn takes(words: &[String], word: &str) -> bool {
    words.is_empty() || words.iter().any(|chosen| chosen == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_restrict_their_kind_alone() {
        let words = ["gbdt", "single", "picket", "tl2cgen"]
            .map(str::to_owned)
            .to_vec();
        let choice = Choice::new(words, &["single", "batch"]);
        assert!(choice.takes_shape("gbdt") && !choice.takes_shape("forest"));
        assert!(choice.takes_mode("single") && !choice.takes_mode("batch"));
        assert!(choice.takes_engine("node", "picket") && choice.takes_engine("native", "tl2cgen"));
        assert!(!choice.takes_engine("native", "xgboost"));
        assert!(Choice::default().takes_engine("node", "ydf"));
    }
}
