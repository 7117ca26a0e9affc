//! What is left of a machine that was forgotten.

use server_jobs::Admission;
use server_store::{Asking, Enrolled, Grant, NewAgent, StoreError};
use shared_protocol::enroll::EnrollRequest;
use shared_protocol::{AgentId, HostId, Secret};

use crate::{Bed, NOW};

const ID: &str = "6f9619ff-8b86-4011-b42d-00c04fc964ff";

impl Bed {
    async fn enroll(&self) -> HostId {
        let request = EnrollRequest {
            id: ID.to_owned(),
            boot: "b".to_owned(),
            ..EnrollRequest::default()
        };
        let asking = Asking {
            request: &request,
            secret: &Secret::new("secret"),
            has_key: true,
            most_pending: 1,
        };
        let enrolled = self.store.enroll(&asking, NOW).await.unwrap();
        assert!(matches!(enrolled, Enrolled::Received(_)), "{enrolled:?}");
        HostId::new(ID)
    }

    async fn worker_of(&self, host: &HostId) -> Result<(AgentId, Secret), StoreError> {
        let new = NewAgent {
            host: Some(host.clone()),
            ..NewAgent::default()
        };
        self.store.register(&new, NOW).await
    }
}

#[tokio::test]
async fn a_host_that_people_decided_about_meanwhile_registers_no_worker() {
    let bed = Bed::new().await;
    let host = bed.enroll().await;
    bed.worker_of(&host).await.unwrap();
    let disable = bed.store.decide(&host, Admission::Disabled);
    disable.await.unwrap();
    let refused = bed.worker_of(&host).await.unwrap_err();
    assert!(matches!(refused, StoreError::NotFound { .. }), "{refused}");
    bed.store.remove_host(&host).await.unwrap();
    bed.worker_of(&host).await.unwrap_err();
    assert_eq!(bed.store.agents(NOW).await.unwrap().len(), 1);
}

#[tokio::test]
async fn workers_of_a_forgotten_host_are_not_its_own_when_it_comes_back() {
    let bed = Bed::new().await;
    let host = bed.enroll().await;
    let (worker, secret) = bed.worker_of(&host).await.unwrap();
    let grant = bed.store.grant(secret.expose()).await.unwrap();
    assert_eq!(grant, Some(Grant::Worker(worker.clone())));
    bed.store.remove_host(&host).await.unwrap();
    assert_eq!(bed.enroll().await, host);
    assert_eq!(bed.store.grant(secret.expose()).await.unwrap(), None);
    assert_eq!(bed.store.agent(&worker).await.unwrap().host, None);
}
