//! A real S3 server with releases, as it should be and as it should not.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hyper_util::rt::TokioIo;
use picket_edge_runtime::sync::{HttpTimeouts, Outcome, S3Credentials, S3Source};
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;

use crate::Tested;
use crate::edge::{NOW, Result, STALE, Scene};

pub(crate) const KEY: &str = "a-key";
pub(crate) const SECRET: &str = "a-secret-that-nobody-sees";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
enum Fault {
    None,
    /// 503 to everything.
    Down,
    /// Longer than the edge waits.
    Slow,
    /// One entity tag for every file, and 304 to whoever has it.
    LyingTags,
    /// The first half of a file, with the length of all of it.
    Truncated,
}

/// The scene's store as a bucket, served until the tests end.
pub(crate) struct Bucket {
    pub(crate) address: SocketAddr,
    fault: Arc<AtomicUsize>,
    n_requests: Arc<AtomicUsize>,
}

impl Bucket {
    pub(crate) fn serve(scene: &Scene) -> Result<Self> {
        let root = scene.store.folder.parent().ok_or("a root")?.to_owned();
        let (fault, n_requests) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let (current, counted) = (Arc::clone(&fault), Arc::clone(&n_requests));
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
                let listener = listener.expect("a port");
                let address = listener.local_addr().expect("an address");
                sender.send(address).expect("the test waits");
                let files = s3s_fs::FileSystem::new(root).expect("a folder");
                let mut builder = S3ServiceBuilder::new(files);
                builder.set_auth(SimpleAuth::from_single(KEY, SECRET));
                let service = builder.build();
                loop {
                    let (stream, _) = listener.accept().await.expect("a connection");
                    let (service, fault) = (service.clone(), Arc::clone(&current));
                    let counted = Arc::clone(&counted);
                    let answer = hyper::service::service_fn(move |request| {
                        counted.fetch_add(1, Ordering::Relaxed);
                        let fault = fault.load(Ordering::Relaxed);
                        answer(service.clone(), fault, request)
                    });
                    tokio::spawn(
                        hyper::server::conn::http1::Builder::new()
                            .serve_connection(TokioIo::new(stream), answer),
                    );
                }
            });
        });
        let address = receiver.recv()?;
        Ok(Self {
            address,
            fault,
            n_requests,
        })
    }

    pub(crate) fn n_requests(&self) -> usize {
        self.n_requests.load(Ordering::Relaxed)
    }

    fn set(&self, fault: Fault) {
        self.fault.store(fault as usize, Ordering::Relaxed);
    }

    fn source(&self, secret: &str) -> Result<Box<S3Source>> {
        // Longer than any machine is held up.
        self.source_within(secret, Duration::from_mins(1))
    }

    fn source_within(&self, secret: &str, limit: Duration) -> Result<Box<S3Source>> {
        let credentials = S3Credentials {
            access_key: KEY.to_owned(),
            secret_key: secret.to_owned(),
            session_token: None,
            region: "us-east-1".to_owned(),
            endpoint: Some(format!("http://{}", self.address)),
        };
        let timeouts = HttpTimeouts {
            connect: limit,
            whole: limit,
        };
        let source = S3Source::new("s3://store", credentials, false, timeouts)?;
        Ok(Box::new(source))
    }
}

type Answer = std::result::Result<hyper::Response<s3s::Body>, s3s::HttpError>;

async fn answer(
    service: s3s::service::S3Service,
    fault: usize,
    request: hyper::Request<hyper::body::Incoming>,
) -> Answer {
    let plain = |status: u16| {
        let mut response = hyper::Response::new(s3s::Body::empty());
        *response.status_mut() = status.try_into().expect("a status");
        Ok(response)
    };
    let tag = hyper::header::HeaderValue::from_static("\"always\"");
    if fault == Fault::Down as usize {
        return plain(503);
    }
    if fault == Fault::Slow as usize {
        tokio::time::sleep(Duration::from_mins(10)).await;
    }
    let asked = request.headers().get("if-none-match");
    if fault == Fault::LyingTags as usize && asked == Some(&tag) {
        return plain(304);
    }
    let mut response = service.call(request.map(s3s::Body::from)).await?;
    if fault == Fault::LyingTags as usize {
        response.headers_mut().insert("etag", tag);
    }
    if fault == Fault::Truncated as usize {
        use http_body_util::BodyExt as _;
        let (head, body) = response.into_parts();
        let bytes = body
            .collect()
            .await
            .map(http_body_util::Collected::to_bytes);
        let bytes = bytes.unwrap_or_default();
        let half = bytes.slice(..bytes.len() / 2);
        response = hyper::Response::from_parts(head, s3s::Body::from(half));
        response.headers_mut().remove("content-length");
    }
    Ok(response)
}

/// An edge that serves release 1 of a bucket.
fn serving() -> Result<(Scene, Bucket)> {
    let mut scene = Scene::empty()?;
    scene.store.publish(1)?;
    let bucket = Bucket::serve(&scene)?;
    scene.restart_with(bucket.source(SECRET)?, NOW)?;
    assert_eq!(scene.poll(NOW)?, Outcome::Activated { release: 1 });
    scene.assert_serves(1);
    Ok((scene, bucket))
}

#[test]
fn releases_come_from_a_bucket_and_unchanged_ones_are_not_fetched() -> Tested {
    let (mut scene, bucket) = serving()?;
    let n_before = bucket.n_requests.load(Ordering::Relaxed);
    assert_eq!(scene.poll(NOW)?, Outcome::Confirmed { release: 1 });
    // The pointer, a look for the next key set, one for tombstones and one for the log; neither envelope nor model.
    assert_eq!(bucket.n_requests.load(Ordering::Relaxed), n_before + 4);
    scene.store.publish(2)?;
    assert_eq!(scene.poll(NOW)?, Outcome::Activated { release: 2 });
    scene.assert_serves(2);
    Ok(())
}

#[test]
fn attack_35_a_bucket_that_is_down_slow_or_cut_changes_nothing() -> Tested {
    let (mut scene, bucket) = serving()?;
    scene.store.publish(2)?;
    bucket.set(Fault::Down);
    let said = scene.refuses("source_failed");
    assert!(said.contains("503"), "{said}");
    bucket.set(Fault::Slow);
    let hasty = bucket.source_within(SECRET, Duration::from_secs(1))?;
    scene.restart_with(hasty, NOW)?;
    let start = Instant::now();
    scene.refuses("source_failed");
    assert!(
        // A second for each of the three files that are asked for before it gives up; one answer alone would take ten minutes.
        start.elapsed() < Duration::from_mins(1),
        "it was waited for"
    );
    scene.restart_with(bucket.source(SECRET)?, NOW)?;
    bucket.set(Fault::Truncated);
    assert!(scene.poll(NOW).is_err());
    scene.assert_serves(1);
    // Served through restarts without the bucket, up to the staleness.
    bucket.set(Fault::Down);
    scene.restart_with(bucket.source(SECRET)?, NOW)?;
    scene.assert_serves(1);
    scene.refuses_at(NOW + STALE + 1, "source_failed");
    scene.assert_withholds("not confirmed");
    bucket.set(Fault::None);
    assert_eq!(scene.poll(NOW)?, Outcome::Activated { release: 2 });
    scene.assert_serves(2);
    Ok(())
}

#[test]
fn attack_36_a_bucket_that_lies_about_entity_tags_holds_nothing_back_for_long() -> Tested {
    let (mut scene, bucket) = serving()?;
    bucket.set(Fault::LyingTags);
    scene.restart_with(bucket.source(SECRET)?, NOW)?;
    scene.poll(NOW)?;
    scene.store.publish(2)?;
    let mut n_polls = 0;
    while scene.poll(NOW)? == (Outcome::Confirmed { release: 1 }) {
        n_polls += 1;
        assert!(n_polls <= 10, "the lie is believed for ever");
    }
    assert!(n_polls > 0, "nothing was tested");
    scene.assert_serves(2);
    Ok(())
}

#[test]
fn attack_37_a_wrong_key_is_refused_by_the_bucket_and_told_to_nobody() -> Tested {
    let (mut scene, bucket) = serving()?;
    scene.store.publish(2)?;
    scene.restart_with(bucket.source("another secret")?, NOW)?;
    let said = scene.refuses("source_failed");
    assert!(said.contains("403") && !said.contains("secret"), "{said}");
    scene.assert_serves(1);
    Ok(())
}
