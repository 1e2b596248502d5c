//! What the component asks of Spin: store, variables, time, random bits, the network.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use picket_service::{IdSource, PredictionId};
use spin_sdk::http::{FullBody, send};
use spin_sdk::key_value::Store;
use spin_sdk::wasip3::{cli::environment, clocks::system_clock, random::random};
use spin_sdk::wasip3::{http::types::RequestOptions, http_compat::RequestOptionsExtension};

use crate::delivery::Collector;
use crate::key_value::{KeyValue, Keys, StoreError};
use crate::settings::{CollectorAccess, VARIABLES};

/// The variable of the environment that says that Spin's interfaces are there.
const SPIN: &str = "PICKET_SPIN";
/// How long the collector may take to answer, in nanoseconds.
const TIMEOUT_NS: u64 = 10_000_000_000;
/// The most bytes of an answer that are read.
const MAX_ANSWER: usize = 4 << 20;
/// Ids taken at a time: asking for each would be a call a row.
const IDS_AT_A_TIME: usize = 64;

/// Whether the host has Spin's interfaces. Elsewhere none of them is called.
pub(crate) fn is_here() -> bool {
    let variables = environment::get_environment();
    variables
        .iter()
        .any(|(name, value)| name == SPIN && value == "1")
}

/// Milliseconds since 1970; 0 for a clock that stands before.
pub(crate) fn now_ms() -> u64 {
    let now = system_clock::now();
    let seconds = u64::try_from(now.seconds).unwrap_or_default();
    seconds * 1000 + u64::from(now.nanoseconds / 1_000_000)
}

/// Bits that nobody can guess.
pub(crate) fn random_bits() -> [u8; 16] {
    let halves = [random::get_random_u64(), random::get_random_u64()];
    let mut bits = [0; 16];
    bits[..8].copy_from_slice(&halves[0].to_le_bytes());
    bits[8..].copy_from_slice(&halves[1].to_le_bytes());
    bits
}

/// Random ids. What waits here belongs to no request yet.
#[derive(Default)]
pub(crate) struct RandomIds(Mutex<Vec<[u8; 16]>>);

impl IdSource for RandomIds {
    fn next_id(&self) -> PredictionId {
        let mut ids = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if ids.is_empty() {
            let bytes = random::get_random_bytes(16 * IDS_AT_A_TIME as u64);
            let (whole, _) = bytes.as_chunks::<16>();
            ids.extend_from_slice(whole);
        }
        // A host may give fewer bytes than it was asked for.
        PredictionId(ids.pop().unwrap_or_else(random_bits))
    }
}

/// The variables' values; those that are not defined are left out.
pub(crate) async fn variables() -> Result<BTreeMap<&'static str, String>, String> {
    use spin_sdk::variables::{Error, get};

    let mut values = BTreeMap::new();
    for name in VARIABLES {
        match get(name).await {
            Ok(value) => drop(values.insert(name, value)),
            Err(Error::Undefined(_)) => {}
            // What the provider says may hold more than is good to show.
            Err(_) => return Err(format!("the variable {name} cannot be read now")),
        }
    }
    Ok(values)
}

/// The default store.
pub(crate) struct SpinStore(Store);

#[expect(clippy::needless_pass_by_value, reason = "as map_err hands it over")]
fn failed(error: spin_sdk::key_value::Error) -> StoreError {
    StoreError {
        reason: error.to_string(),
    }
}

impl SpinStore {
    pub(crate) async fn open() -> Result<Self, StoreError> {
        Store::open_default().await.map(Self).map_err(failed)
    }
}

impl KeyValue for SpinStore {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.get(key).await.map_err(failed)
    }

    async fn set(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.0.set(key, value).await.map_err(failed)
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.0.delete(key).await.map_err(failed)
    }

    async fn keys(&self, prefix: &str, max: usize) -> Result<Keys, StoreError> {
        let mut listing = self.0.get_keys().await;
        let mut keys = Keys::default();
        while let Some(key) = listing.next().await {
            if !key.starts_with(prefix) {
                continue;
            }
            if keys.found.len() == max {
                keys.more = true;
                return Ok(keys);
            }
            keys.found.push(key);
        }
        listing.result().await.map_err(failed)?;
        Ok(keys)
    }
}

/// The collector over HTTP.
pub(crate) struct HttpCollector<'s>(pub(crate) &'s CollectorAccess);

impl Collector for HttpCollector<'_> {
    async fn post(&self, records: Vec<u8>) -> Result<Vec<u8>, String> {
        let options = RequestOptions::new();
        // A host without timeouts has its own.
        let _ = options.set_connect_timeout(Some(TIMEOUT_NS));
        let _ = options.set_first_byte_timeout(Some(TIMEOUT_NS));
        let _ = options.set_between_bytes_timeout(Some(TIMEOUT_NS));
        let key = picket_schema::sha256(&records);
        let mut half = [0; 16];
        half.copy_from_slice(&key[..16]);
        let request = http::Request::post(self.0.url.as_str())
            .extension(RequestOptionsExtension(options))
            .header("authorization", format!("Bearer {}", self.0.token))
            .header("content-type", "application/x-ndjson")
            .header("content-length", records.len())
            .header("idempotency-key", crate::key_value::random_text(half))
            .body(FullBody::new(Bytes::from(records)))
            .map_err(|_| "the collector's URL is none".to_owned())?;
        let response = send(request)
            .await
            .map_err(|error| format!("the collector cannot be reached: {error:?}"))?;
        let status = response.status();
        if status != http::StatusCode::OK {
            return Err(format!("the collector answered {status}"));
        }
        let mut body = response.into_body();
        let mut answer = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| "the collector's answer breaks off".to_owned())?;
            let Ok(data) = frame.into_data() else {
                continue;
            };
            if answer.len() + data.len() > MAX_ANSWER {
                return Err("the collector's answer is too large".to_owned());
            }
            answer.extend_from_slice(&data);
        }
        Ok(answer)
    }
}
