//! How many connections each address has.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts connections by the address that they come from; of an IPv6 address by its network of 64 bits, which is one
/// client's.
#[derive(Clone, Debug)]
pub(crate) struct AddressPlaces {
    most: usize,
    counts: Arc<Mutex<BTreeMap<u128, usize>>>,
}

/// A connection's place, given back when dropped.
#[derive(Debug)]
pub(crate) struct AddressPlace {
    places: AddressPlaces,
    network: u128,
}

fn network(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(it) => u128::from(it.to_bits()),
        // Below the network all ones: no address of IPv4 is so large a number.
        IpAddr::V6(it) => it.to_bits() >> 64 << 64 | u128::from(u64::MAX),
    }
}

impl AddressPlaces {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            counts: Arc::default(),
        }
    }

    fn counts(&self) -> MutexGuard<'_, BTreeMap<u128, usize>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a connection; `None` where its address has as many as it may have.
    pub(crate) fn take(&self, address: IpAddr) -> Option<AddressPlace> {
        let network = network(address);
        let mut counts = self.counts();
        let count = counts.entry(network).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        drop(counts);
        let places = self.clone();
        Some(AddressPlace { places, network })
    }
}

impl Drop for AddressPlace {
    fn drop(&mut self) {
        let mut counts = self.places.counts();
        if let Some(count) = counts.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_network_has_its_places_and_nothing_is_kept_of_those_that_are_gone() {
        let places = AddressPlaces::new(2);
        let take = |text: &str| places.take(text.parse().expect("an address"));
        let held = [take("10.0.0.1"), take("::ffff:10.0.0.1")];
        assert!(held.iter().all(Option::is_some));
        assert!(take("10.0.0.1").is_none(), "written as IPv6 it is the same");
        assert!(take("10.0.0.2").is_some());
        let of_one_client = [take("2001:db8::1"), take("2001:db8::2")];
        assert!(of_one_client.iter().all(Option::is_some));
        assert!(take("2001:db8::3").is_none());
        assert!(take("2001:db8:0:1::3").is_some());
        drop((held, of_one_client));
        assert!(take("10.0.0.1").is_some());
        assert!(places.counts().is_empty());
    }
}
