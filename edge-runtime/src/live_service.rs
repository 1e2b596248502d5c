//! The service of the moment.

use std::sync::{Arc, PoisonError, RwLock};

use picket_service::Service;

/// The service of the moment. A request takes it once and ends with the one that it took, so it sees one model
/// from its first byte to its last.
#[derive(Clone, Debug)]
pub struct LiveService(Arc<RwLock<Arc<Service>>>);

impl LiveService {
    /// The service that answers now.
    #[must_use]
    pub fn current(&self) -> Arc<Service> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Lets another service answer from the next request on.
    pub fn replace(&self, service: Arc<Service>) {
        let mut place = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let old = std::mem::replace(&mut *place, service);
        // Its instances are dropped without the lock held, here or with the last request that has it.
        drop(place);
        drop(old);
    }
}

impl From<Arc<Service>> for LiveService {
    fn from(service: Arc<Service>) -> Self {
        Self(Arc::new(RwLock::new(service)))
    }
}
