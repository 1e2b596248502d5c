//! Ids from the system's random numbers.

use std::sync::{Mutex, PoisonError};

use picket_service::{IdSource, PredictionId};

/// Ids taken from the system at a time: asking for each would cost a system call a request.
const AT_A_TIME: usize = 256;

/// 128 random bits an id: no host needs to know of another.
#[derive(Debug)]
pub struct RandomIds(Mutex<Vec<[u8; 16]>>);

impl RandomIds {
    /// Asks the system once, so that one without random numbers is seen at the start.
    ///
    /// # Errors
    /// What the system says.
    pub fn new() -> std::io::Result<Self> {
        let mut ids = Vec::with_capacity(AT_A_TIME);
        fill(&mut ids)?;
        Ok(Self(Mutex::new(ids)))
    }
}

fn fill(ids: &mut Vec<[u8; 16]>) -> std::io::Result<()> {
    let mut bytes = [[0; 16]; AT_A_TIME];
    getrandom::fill(bytes.as_flattened_mut()).map_err(std::io::Error::other)?;
    ids.extend_from_slice(&bytes);
    Ok(())
}

impl IdSource for RandomIds {
    fn next_id(&self) -> PredictionId {
        let mut ids = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if ids.is_empty() {
            fill(&mut ids)
                .expect("a system that gave random numbers at the start gives them later");
        }
        PredictionId(ids.pop().expect("filled just now"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_id_comes_twice() -> std::io::Result<()> {
        let ids = RandomIds::new()?;
        let seen: BTreeSet<PredictionId> = (0..1000).map(|_| ids.next_id()).collect();
        assert_eq!(seen.len(), 1000);
        Ok(())
    }
}
