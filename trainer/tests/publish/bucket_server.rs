//! An S3 server in this process, over real HTTP.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use tokio::sync::Mutex;

pub(crate) const KEY: &str = "a-key";
pub(crate) const SECRET: &str = "a-secret-that-nobody-sees";
pub(crate) const BUCKET: &str = "models";

/// Serves a folder until the test ends.
pub(crate) struct BucketServer {
    pub(crate) address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl BucketServer {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(BUCKET)).unwrap();
        let (sender, receiver) = std::sync::mpsc::channel();
        let root = folder.path().to_owned();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                sender.send(listener.local_addr().unwrap()).unwrap();
                serve(&root, listener).await;
            });
        });
        Self {
            address: receiver.recv().unwrap(),
            _folder: folder,
        }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }
}

async fn serve(root: &Path, listener: tokio::net::TcpListener) {
    let mut builder = S3ServiceBuilder::new(s3s_fs::FileSystem::new(root).unwrap());
    builder.set_auth(SimpleAuth::from_single(KEY, SECRET));
    let service = builder.build();
    // s3s-fs looks whether an object is there and then writes it; Amazon's S3 does both in one. One
    // request at a time makes it so here.
    let one_at_a_time = Arc::new(Mutex::new(()));
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (service, one_at_a_time) = (service.clone(), Arc::clone(&one_at_a_time));
        let serve_one = hyper_util::service::TowerToHyperService::new(tower::service_fn(
            move |request: hyper::Request<hyper::body::Incoming>| {
                let (service, one_at_a_time) = (service.clone(), Arc::clone(&one_at_a_time));
                async move {
                    let _held = one_at_a_time.lock().await;
                    let request = request.map(s3s::Body::from);
                    service.call(request).await
                }
            },
        ));
        tokio::spawn(
            hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), serve_one),
        );
    }
}
