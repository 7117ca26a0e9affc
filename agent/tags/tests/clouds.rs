//! Tags of clouds, against services that answer as theirs do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use agent_tags::{Around, HostFacts, Wanted, collect, pairs};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;

/// What a service answers: method and path (and the form that was posted), how a needed header
/// begins, body.
type Answers = &'static [(&'static str, &'static str, &'static str)];

#[derive(Clone)]
struct Cloud {
    answers: Answers,
    /// So many requests are answered 503 first.
    sick: Arc<AtomicUsize>,
}

async fn answer(State(cloud): State<Cloud>, request: Request) -> (StatusCode, String) {
    let sick = |left: usize| left.checked_sub(1);
    if cloud
        .sick
        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, sick)
        .is_ok()
    {
        return (StatusCode::SERVICE_UNAVAILABLE, "later".into());
    }
    let (head, body) = request.into_parts();
    let form = axum::body::to_bytes(body, 1 << 16).await.expect("a body");
    let form = String::from_utf8_lossy(&form);
    let asked = format!("{} {}{form}", head.method, head.uri.path());
    let Some((_, header, body)) = cloud.answers.iter().find(|(route, ..)| *route == asked) else {
        return (StatusCode::NOT_FOUND, "<html>".into());
    };
    if let Some((name, value)) = header.split_once(": ")
        && head
            .headers
            .get(name)
            .is_none_or(|given| !given.as_bytes().starts_with(value.as_bytes()))
    {
        return (StatusCode::UNAUTHORIZED, String::new());
    }
    (StatusCode::OK, (*body).into())
}

async fn serve(answers: Answers, sick: usize) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let sick = Arc::new(AtomicUsize::new(sick));
    let routes = Router::new()
        .fallback(answer)
        .with_state(Cloud { answers, sick });
    tokio::spawn(async move { axum::serve(listener, routes).await });
    address
}

fn around(variables: &[(&str, String)]) -> Around {
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()));
    Around {
        host: HostFacts {
            name: "box".into(),
            system: "linux".into(),
            architecture: "amd64".into(),
            machine_id: Some("m1".into()),
        },
        variables: variables.collect(),
        clock: || SystemTime::UNIX_EPOCH,
    }
}

fn wanted() -> Wanted {
    // Short, so that a silent service does not hold the tests up; one that answers needs no time.
    let limit = Duration::from_millis(100);
    Wanted {
        ec2_limit: limit,
        ec2_tags_limit: limit,
        ecs_limit: limit,
        gcp_labels_limit: limit,
        ..Wanted::default()
    }
}

const EC2: Answers = &[
    (
        "PUT /latest/api/token",
        "X-aws-ec2-metadata-token-ttl-seconds: 300",
        "t0ken",
    ),
    (
        "GET /latest/dynamic/instance-identity/document",
        "X-aws-ec2-metadata-token: t0ken",
        r#"{"accountId":"123","imageId":"ami-1","architecture":"x86_64","availabilityZone":"eu-1a",
            "instanceId":"i-1","instanceType":"m7","region":"eu-1","kernelId":null,"other":1}"#,
    ),
    (
        "GET /latest/meta-data/instance-life-cycle",
        "X-aws-ec2-metadata-token: t0ken",
        "spot",
    ),
    (
        "GET /latest/meta-data/placement/rack",
        "X-aws-ec2-metadata-token: t0ken",
        "r1",
    ),
    (
        "GET /latest/meta-data/tags/instance",
        "X-aws-ec2-metadata-token: t0ken",
        "team\ncost center",
    ),
    (
        "GET /latest/meta-data/tags/instance/team",
        "X-aws-ec2-metadata-token: t0ken",
        "ci",
    ),
    (
        "GET /latest/meta-data/tags/instance/cost center",
        "",
        "unreachable",
    ),
    (
        "GET /latest/meta-data/tags/instance/cost%20center",
        "X-aws-ec2-metadata-token: t0ken",
        "7",
    ),
];

const EC2_TAGS: [&str; 8] = [
    "aws:account-id=123",
    "aws:ami-id=ami-1",
    "aws:architecture=x86_64",
    "aws:availability-zone=eu-1a",
    "aws:instance-id=i-1",
    "aws:instance-life-cycle=spot",
    "aws:instance-type=m7",
    "aws:region=eu-1",
];

fn imds(address: &str) -> Around {
    around(&[(
        "AWS_EC2_METADATA_SERVICE_ENDPOINT",
        format!("http://{address}/"),
    )])
}

#[tokio::test]
async fn an_ec2_instance_is_described_by_its_metadata() {
    let address = serve(EC2, 0).await;
    let wanted = Wanted {
        explicit: vec!["own=1".into()],
        host: true,
        ec2: true,
        ec2_paths: pairs(&["Rack=/placement/rack".into()]).unwrap(),
        ec2_tags: true,
        ..wanted()
    };
    let mut expected = vec![
        "own=1",
        "hostname=box",
        "os=linux",
        "arch=amd64",
        "machine-id=m1",
    ];
    expected.extend(EC2_TAGS);
    expected.extend(["rack=r1", "cost center=7", "team=ci"]);
    assert_eq!(collect(&wanted, &imds(&address)).await.unwrap(), expected);
}

const SIGNED: &str =
    "Authorization: AWS4-HMAC-SHA256 Credential=AKID/19700101/eu-1/ec2/aws4_request";
const EC2_API: Answers = &[
    EC2[0],
    EC2[1],
    (
        "POST /Action=DescribeTags&Version=2016-11-15&Filter.1.Name=resource-id&Filter.1.Value.1=i-1",
        SIGNED,
        "<?xml version=\"1.0\"?><DescribeTagsResponse xmlns=\"http://ec2\"><requestId>r</requestId><tagSet>
           <item><resourceId>i-1</resourceId><resourceType>instance</resourceType>
             <key>team</key><value>R&amp;D</value></item>
         </tagSet><nextToken>a/b=</nextToken></DescribeTagsResponse>",
    ),
    (
        "POST /Action=DescribeTags&Version=2016-11-15&Filter.1.Name=resource-id&Filter.1.Value.1=i-1\
         &NextToken=a%2Fb%3D",
        SIGNED,
        "<DescribeTagsResponse><tagSet><item><key>cost center</key><value/></item></tagSet>
         </DescribeTagsResponse>",
    ),
];

/// The instance, with credentials and EC2 itself at the same address.
fn ec2(address: &str) -> Around {
    around(&[
        (
            "AWS_EC2_METADATA_SERVICE_ENDPOINT",
            format!("http://{address}/"),
        ),
        ("AWS_ENDPOINT_URL_EC2", format!("http://{address}/")),
        ("AWS_ACCESS_KEY_ID", "AKID".into()),
        ("AWS_SECRET_ACCESS_KEY", "s3cret".into()),
    ])
}

#[tokio::test]
async fn tags_that_are_not_in_the_metadata_are_asked_of_ec2() {
    let address = serve(EC2_API, 0).await;
    let wanted = Wanted {
        ec2_tags: true,
        ..wanted()
    };
    let tags = collect(&wanted, &ec2(&address)).await.unwrap();
    assert_eq!(tags, ["cost center=", "team=R&D"]);
}

#[tokio::test]
async fn an_ec2_that_refuses_or_has_no_tags_is_a_source_that_is_missing() {
    const NONE: Answers = &[
        EC2[0],
        EC2[1],
        (
            EC2_API[2].0,
            SIGNED,
            "<DescribeTagsResponse><tagSet/></DescribeTagsResponse>",
        ),
    ];
    let wanted = Wanted {
        ec2_tags: true,
        fail_on_missing: true,
        ..wanted()
    };
    for (answers, why) in [
        (NONE, "there are none"),
        (&EC2_API[..2], "give its role ec2:DescribeTags"),
    ] {
        let address = serve(answers, 0).await;
        let error = collect(&wanted, &ec2(&address)).await.unwrap_err();
        let error = error.to_string();
        assert!(error.contains(why), "{error}");
        assert!(!error.contains("s3cret"), "{error}");
    }
}

#[tokio::test]
async fn a_source_that_is_sick_at_first_is_asked_again() {
    let address = serve(EC2, 4).await;
    let wanted = Wanted {
        ec2: true,
        ..wanted()
    };
    assert_eq!(collect(&wanted, &imds(&address)).await.unwrap(), EC2_TAGS);
}

#[tokio::test]
async fn a_source_that_stays_sick_is_left_out_or_ends_the_start() {
    let address = serve(EC2, usize::MAX).await;
    let mut wanted = Wanted {
        host: true,
        ec2: true,
        ..wanted()
    };
    let tags = collect(&wanted, &imds(&address)).await.unwrap();
    assert_eq!(tags.len(), 4, "{tags:?}");
    wanted.fail_on_missing = true;
    let error = collect(&wanted, &imds(&address))
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("tags from EC2 metadata are missing: "),
        "{error}"
    );
    assert!(error.contains("503"), "{error}");
}

#[tokio::test]
async fn metadata_that_is_switched_off_is_not_waited_for() {
    let off = around(&[("AWS_EC2_METADATA_DISABLED", "true".into())]);
    let wanted = Wanted {
        ec2: true,
        ec2_limit: Duration::from_hours(1),
        fail_on_missing: true,
        ..wanted()
    };
    let error = collect(&wanted, &off).await.unwrap_err().to_string();
    assert!(error.contains("AWS_EC2_METADATA_DISABLED"), "{error}");
}

const ECS: Answers = &[
    (
        "GET /v4/abc",
        "",
        r#"{"DockerId":"d","Name":"agent","Image":"ci:1","Limits":{"CPU":2,"Memory":512}}"#,
    ),
    (
        "GET /v4/abc/task",
        "",
        r#"{"TaskARN":"arn:1","AvailabilityZone":"eu-1b","LaunchType":"FARGATE","Containers":[]}"#,
    ),
];

#[tokio::test]
async fn a_task_of_ecs_is_described_by_its_two_documents() {
    let address = serve(ECS, 0).await;
    let around = around(&[(
        "ECS_CONTAINER_METADATA_URI_V4",
        format!("http://{address}/v4/abc"),
    )]);
    let wanted = Wanted {
        ecs: true,
        ..wanted()
    };
    let expected = [
        "ecs:availability-zone=eu-1b",
        "ecs:container-name=agent",
        "ecs:cpu-limit=2",
        "ecs:image=ci:1",
        "ecs:launch-type=FARGATE",
        "ecs:memory-limit=512",
        "ecs:task-arn=arn:1",
    ];
    assert_eq!(collect(&wanted, &around).await.unwrap(), expected);
}

const FLAVOR: &str = "Metadata-Flavor: Google";
const GCP: Answers = &[
    ("GET /computeMetadata/v1/instance/id", FLAVOR, "42"),
    ("GET /computeMetadata/v1/instance/name", FLAVOR, "vm"),
    (
        "GET /computeMetadata/v1/instance/zone",
        FLAVOR,
        "projects/9/zones/europe-west1-b",
    ),
    (
        "GET /computeMetadata/v1/instance/machine-type",
        FLAVOR,
        "projects/9/machineTypes/n2",
    ),
    (
        "GET /computeMetadata/v1/instance/scheduling/preemptible",
        FLAVOR,
        "FALSE",
    ),
    ("GET /computeMetadata/v1/project/project-id", FLAVOR, "proj"),
    (
        "GET /computeMetadata/v1/instance/attributes/rack",
        FLAVOR,
        "r2",
    ),
    (
        "GET /computeMetadata/v1/instance/service-accounts/default/token",
        FLAVOR,
        r#"{"access_token":"ya29","expires_in":3600,"token_type":"Bearer"}"#,
    ),
    (
        "GET /api/projects/proj/zones/europe-west1-b/instances/vm",
        "Authorization: Bearer ya29",
        r#"{"id":"42","labels":{"team":"ci","env":"prod"}}"#,
    ),
];

#[tokio::test]
async fn an_instance_of_google_cloud_is_described_by_metadata_and_labels() {
    let address = serve(GCP, 0).await;
    let around = around(&[
        ("GCE_METADATA_HOST", address.clone()),
        (
            "TRIREME_GCP_COMPUTE_ENDPOINT",
            format!("http://{address}/api"),
        ),
    ]);
    let wanted = Wanted {
        gcp: true,
        gcp_paths: pairs(&["rack=instance/attributes/rack".into()]).unwrap(),
        gcp_labels: true,
        ..wanted()
    };
    let expected = [
        "gcp:instance-id=42",
        "gcp:instance-name=vm",
        "gcp:machine-type=n2",
        "gcp:preemptible=false",
        "gcp:project-id=proj",
        "gcp:region=europe-west1",
        "gcp:zone=europe-west1-b",
        "rack=r2",
        "env=prod",
        "team=ci",
    ];
    assert_eq!(collect(&wanted, &around).await.unwrap(), expected);
}

#[tokio::test]
async fn what_nobody_wants_is_not_asked_for() {
    let around = around(&[("BUILDKITE_K8S_NODE", "n1".into())]);
    assert_eq!(
        collect(&wanted(), &around).await.unwrap(),
        Vec::<String>::new()
    );
    let wanted = Wanted {
        kubernetes: true,
        ..wanted()
    };
    assert_eq!(collect(&wanted, &around).await.unwrap(), ["k8s:node=n1"]);
}
