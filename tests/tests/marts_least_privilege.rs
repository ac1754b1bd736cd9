//! Every call that a data mart's function makes is granted to its role, and every grant is needed: shown on the
//! deployed policies, for every way that the system takes. Functions that share a role are looked at together.

#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use eventide_testing::template::{Resolver, Scope, read};
use eventide_testing::{LocalCloud, eventually, repository};
use eventide_tests::Marts;
use eventide_tests::marts::File;
use eventide_tests::policy::{Call, Deployed, Grant, asked, deployed, faults, granted, grants};
use eventide_tests::system::PATIENCE;
use http::Method;
use serde_json::json;

type Tested = Result<(), String>;

/// A user of the cluster's database that marts may log in as.
const USER: &str = "arn:aws:redshift:us-east-1:111122223333:dbuser:eventide-cluster/awsuser";
const FEW: &str = "SELECT name, groupname FROM dev.humanresources.department ORDER BY name";

/// A role, the name of its policy, and its functions as `(name, output)`.
type Role = (&'static str, &'static [(&'static str, &'static str)]);
const ROLES: [Role; 3] = [
    ("mart-deploy-and-refresh", &[("mart-deploy", "DeployFunction"), ("mart-refresh", "RefreshFunction")]),
    ("mart-query-and-deliver", &[("mart-query", "QueryFunction"), ("mart-deliver", "DeliverFunction")]),
    ("mart-chargeback", &[("mart-chargeback", "ChargebackFunction")]),
];

/// The grants on more than one resource, as `(action, resource)`.
fn wide(marts: &Marts) -> Result<Vec<(String, String)>, String> {
    let (mart_bucket, result_bucket) = (marts.output("MartBucket")?, marts.output("ResultBucket")?);
    let here = |service: &str, resource: &str| format!("arn:aws:{service}:us-east-1:111122223333:{resource}");
    let mut wide = vec![
        // Statements have no ARN. Redshift itself shows a role its own statements only.
        ("redshift-data:CancelStatement", "*".to_owned()),
        ("redshift-data:DescribeStatement", "*".to_owned()),
        ("redshift-data:GetStatementResult", "*".to_owned()),
        // Which warehouses there are is the administrator's to say, by the parameter WarehouseArns.
        ("redshift-data:*ExecuteStatement", here("redshift", "cluster:*")),
        ("redshift-data:*ExecuteStatement", here("redshift-serverless", "workgroup/*")),
        ("redshift-serverless:GetCredentials", here("redshift-serverless", "workgroup/*")),
        // Which databases a mart is in its file says.
        ("redshift:GetClusterCredentials*", here("redshift", "dbname:*")),
        // Every team's marts, every mart's results, every month's report.
        ("s3:*", format!("arn:aws:s3:::{mart_bucket}/*")),
        ("s3:*", format!("arn:aws:s3:::{result_bucket}/*")),
        ("s3:PutObject", format!("arn:aws:s3:::{result_bucket}/chargeback/*")),
    ];
    for (_, functions) in ROLES {
        for (function, _) in functions {
            // The streams of one log group; Lambda chooses their names.
            let group = format!("log-group:/aws/lambda/eventide-data-marts/{function}:*");
            wide.push(("logs:*", here("logs", &group)));
        }
    }
    Ok(wide.into_iter().map(|(action, resource)| (action.to_owned(), resource)).collect())
}

/// In the cluster, as a database user of its own.
fn as_user(file: &File) -> String {
    file.text().replace("\"eventide-cluster\"", "\"eventide-cluster\", user = \"awsuser\"")
}

/// In the workgroup, as the user in a secret.
fn with_secret(file: &File, secret: &str) -> String {
    file.text()
        .replace("workgroup = \"eventide\"", &format!("workgroup = \"eventide\", secret = \"{secret}\""))
}

/// Marts of every kind in every warehouse, changed, refused, withdrawn and gone.
async fn deploy_every_way(marts: &Marts, secret: &str) -> Tested {
    let user = File::query("as_user", FEW).on_cluster();
    let secret = (File::query("with_secret", FEW), secret);
    marts.upload(&user.key(), &as_user(&user)).await?;
    marts.upload(&secret.0.key(), &with_secret(&secret.0, secret.1)).await?;
    let refreshed = File::materialized("refreshed", FEW).line("refresh = \"rate(5 minutes)\"");
    for file in [
        File::materialized("few", FEW),
        File::materialized("few_on_cluster", FEW).on_cluster(),
        File::query("plain", FEW),
        File::query("plain_on_cluster", FEW).on_cluster(),
        refreshed,
    ] {
        marts.upload(&file.key(), &file.text()).await?;
    }
    for mart in ["as_user", "with_secret", "few", "few_on_cluster", "plain", "plain_on_cluster", "refreshed"]
    {
        marts.await_event("Data Mart Deployed", mart).await?;
    }
    marts.deploy(&File::materialized("few", "SELECT name FROM dev.humanresources.department")).await?;
    marts.upload("people/broken.sql", "DROP TABLE dev.humanresources.department").await?;
    marts.await_event("Data Mart Rejected", "people/broken.sql").await?;
    // An event as S3 sends it, which names the version. MiniStack's does not.
    let versioned = File::query("versioned", FEW);
    let key = versioned.key();
    let path = format!("/{}/{key}", marts.output("MartBucket")?);
    let put = marts.cloud().send("s3", Method::PUT, &path, &[], versioned.text().into_bytes()).await?;
    marts.await_event("Data Mart Deployed", "versioned").await?;
    let version = put.header("x-amz-version-id").ok_or("the mart bucket keeps no versions")?;
    let created = json!({
        "version": "0", "id": "1", "source": "aws.s3", "detail-type": "Object Created", "time": "2026-11-23T12:00:00Z",
        "detail": {
            "bucket": { "name": marts.output("MartBucket")? },
            "object": { "key": key, "version-id": version, "sequencer": "FF00000000000000" },
        },
    });
    send(marts, "DeployQueueUrl", &created.to_string()).await?;
    let again = marts.await_event("Data Mart Deployed", "versioned").await?;
    assert_eq!(again["version"], version);
    // Gone for good before its event came.
    let gone = json!({
        "version": "0", "id": "1", "source": "aws.s3", "detail-type": "Object Deleted", "time": "2026-11-23T12:00:00Z",
        "detail": {
            "bucket": { "name": marts.output("MartBucket")? }, "deletion-type": "Permanently Deleted",
            "object": { "key": "people/gone.sql", "version-id": "v", "sequencer": "0A" },
        },
    });
    for body in [gone.to_string(), "no event".to_owned()] {
        send(marts, "DeployQueueUrl", &body).await?;
    }
    Ok(())
}

async fn send(marts: &Marts, queue: &str, body: &str) -> Tested {
    let message = json!({ "QueueUrl": marts.output(queue)?, "MessageBody": body });
    marts.cloud().aws_json("sqs", "AmazonSQS.SendMessage", &message).await?;
    Ok(())
}

/// Requests in every form that needs other calls: every format, unloaded, waited for, cancelled, failed, postponed,
/// overdue, and messages that nobody can read.
async fn query_every_way(marts: &Marts) -> Tested {
    for (mart, format) in
        [("few", "csv"), ("few_on_cluster", "jsonl"), ("as_user", "csv"), ("with_secret", "parquet")]
    {
        let request = json!({ "mart": mart, "format": format });
        marts.send_event("hr.portal", "Data Mart Requested", &request).await?;
        marts.await_event("Data Mart Ready", mart).await?;
    }
    for mart in ["plain", "plain_on_cluster"] {
        marts
            .send_event("hr.portal", "Data Mart Requested", &json!({ "mart": mart, "unload": true }))
            .await?;
        marts.await_event("Data Mart Ready", mart).await?;
    }
    let rows =
        marts.ask(&json!({ "mart": "plain", "wait": true })).await?.map_err(|error| error.to_string())?;
    assert_eq!(rows["statusCode"], 200, "{rows}");

    // Too little of a result comes through.
    let refused = json!({
        "match": { "caller": "mart-deliver", "operation": "UploadPart" }, "times": 1,
        "effect": { "type": "error", "status": 403, "code": "AccessDenied", "message": "no" }
    });
    marts.fault(&refused).await?;
    marts.send_event("hr.portal", "Data Mart Requested", &json!({ "mart": "plain" })).await?;
    await_call(marts, "s3", "AbortMultipartUpload").await?;

    // What the warehouse wrote is gone before anybody looks.
    marts.plan(&json!({ "nameContains": "eventide/query/refreshed/", "event": "lost" })).await?;
    let lost = marts
        .ask(&json!({ "mart": "refreshed", "unload": true }))
        .await?
        .map_err(|error| error.to_string())?;
    marts.await_status("refreshed", "FINISHED").await?;
    for key in marts.keys("people/refreshed/").await? {
        let path = format!("/{}/{key}", marts.output("ResultBucket")?);
        marts.cloud().send("s3", Method::DELETE, &path, &[], Vec::new()).await?;
    }
    send(marts, "DeliverQueueUrl", &json!({ "token": lost["token"] }).to_string()).await?;
    await_missing(marts, "mart-deliver").await?;

    for queue in ["QueryQueueUrl", "DeliverQueueUrl"] {
        send(marts, queue, "no message").await?;
    }
    marts.sweep().await?;

    // The warehouse has no room: the request comes back later.
    marts.settings(&json!({ "maxActiveStatements": 0 })).await?;
    let later = marts.ask(&json!({ "mart": "plain" })).await?.map_err(|error| error.to_string())?;
    assert_eq!(later["state"], "accepted", "{later}");
    marts.settings(&json!({ "maxActiveStatements": 200 })).await?;

    // Data API refuses the statement: whoever waits is told.
    let refused = json!({
        "match": { "caller": "mart-query", "operation": "ExecuteStatement" }, "times": 1,
        "effect": { "type": "error", "status": 400, "code": "ValidationException", "message": "no" }
    });
    marts.fault(&refused).await?;
    marts.send_event("hr.portal", "Data Mart Requested", &json!({ "mart": "few" })).await?;
    marts.await_event("Data Mart Failed", "few").await?;

    // Nobody can wait so long. What is left of the time has to do for the first request, too.
    marts.plan(&json!({ "nameContains": "eventide/query/few_on_cluster/", "runSeconds": 600 })).await?;
    let path = format!("/2015-03-31/functions/{}/configuration", marts.output("QueryFunction")?);
    marts.cloud().rest("lambda", Method::PUT, &path, Some(&json!({ "Timeout": 9 }))).await?;
    let slow = marts.ask(&json!({ "mart": "few_on_cluster", "wait": true })).await?;
    let slow = slow.map_err(|error| error.to_string())?;
    assert_eq!(slow["statusCode"], 504, "{slow}");
    Ok(())
}

async fn await_call(marts: &Marts, service: &str, operation: &str) -> Tested {
    let path = format!("journal?service={service}&operation={operation}");
    let what = format!("{service}:{operation}");
    let made = eventually(&what, PATIENCE, || async {
        let journal = marts.cloud().control(Method::GET, &path, None).await.ok()?;
        journal["entries"].as_array().filter(|entries| !entries.is_empty()).map(drop)
    });
    made.await
}

/// Waits until a function was told that an object does not exist.
async fn await_missing(marts: &Marts, function: &str) -> Tested {
    let path = format!("journal?caller={function}&service=s3");
    let what = format!("a look of {function}'s at what is gone");
    let looked = eventually(&what, PATIENCE, || async {
        let journal = marts.cloud().control(Method::GET, &path, None).await.ok()?;
        journal["entries"].as_array()?.iter().find(|entry| entry["status"] == 404).map(drop)
    });
    looked.await
}

/// What AWS does in a function's name, which no journal shows. (What the Data API does, is taken from the calls to it.)
async fn by_aws(marts: &Marts, function: &str, log_group: &str) -> Result<BTreeSet<Call>, String> {
    let queue = |output: &str| {
        let name = marts.output(output)?.rsplit('/').next().unwrap_or_default();
        Ok::<_, String>(format!("arn:aws:sqs:us-east-1:111122223333:{name}"))
    };
    // Lambda writes the function's log.
    let stream = format!("arn:aws:logs:us-east-1:111122223333:log-group:{log_group}:log-stream:any");
    let mut calls =
        BTreeSet::from([Call::new("logs:CreateLogStream", &stream), Call::new("logs:PutLogEvents", &stream)]);
    // SQS uses the key of an encrypted queue for who sends to it or receives from it.
    let body = json!({ "QueueUrl": marts.output("FailedQueueUrl")?, "AttributeNames": ["KmsMasterKeyId"] });
    let answer = marts.cloud().aws_json("sqs", "AmazonSQS.GetQueueAttributes", &body).await?;
    let key = answer["Attributes"]["KmsMasterKeyId"].as_str().ok_or("the failed queue has no key")?;
    calls.extend(["kms:Decrypt", "kms:GenerateDataKey"].map(|action| Call::new(action, key)));
    // Lambda polls the queue of an event source mapping.
    let polled = match function {
        "mart-deploy" => Some("DeployQueueUrl"),
        "mart-query" => Some("QueryQueueUrl"),
        "mart-deliver" => Some("DeliverQueueUrl"),
        _ => None,
    };
    if let Some(polled) = polled {
        let polling = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"];
        let queue = queue(polled)?;
        calls.extend(polling.map(|action| Call::new(action, &queue)));
    }
    if function != "mart-deploy" {
        // Lambda delivers events that failed for good to the on-failure destination.
        calls.insert(Call::new("sqs:SendMessage", &queue("FailedQueueUrl")?));
    }
    Ok(calls)
}

/// The calls fit the grants, and would fit neither fewer nor more of them.
fn fit(who: &str, calls: &BTreeSet<Call>, grants: &BTreeSet<Grant>, wide: &[(&str, &str)]) {
    assert_eq!(faults(calls, grants, wide), Vec::<String>::new(), "{who}");
    for grant in grants {
        let mut fewer = grants.clone();
        fewer.remove(grant);
        assert!(!faults(calls, &fewer, wide).is_empty(), "{who} without {grant:?}");
    }
    for more in [
        Grant::new("s3:DeleteObject", "arn:aws:s3:::a-bucket/key"),
        Grant::new("redshift-data:ListStatements", "*"),
        Grant::new("redshift-data:*", "*"),
        Grant::new("sqs:SendMessage", "*"),
    ] {
        let mut grants = grants.clone();
        grants.insert(more.clone());
        assert!(!faults(calls, &grants, wide).is_empty(), "{who} with {more:?}");
    }
}

#[tokio::test]
async fn every_call_is_granted_and_every_grant_is_needed() -> Tested {
    let cloud = LocalCloud::start_with(&["--journal-bodies"]).await?;
    let secret = json!({ "Name": "marts", "SecretString": r#"{"username":"awsuser","password":"-"}"# });
    let secret = cloud.aws_json("secretsmanager", "secretsmanager.CreateSecret", &secret).await?;
    let secret = secret["ARN"].as_str().ok_or("no secret")?.to_owned();
    let parameters = [("DatabaseUserArns", USER), ("SecretArns", secret.as_str())];
    let marts = Marts::start_on(cloud, &parameters).await?;
    deploy_every_way(&marts, &secret).await?;
    marts.invoke("RefreshFunction", &json!({})).await?.map_err(|error| error.to_string())?;
    query_every_way(&marts).await?;
    let month = json!({ "month": eventide_tests::marts::this_month() });
    marts.invoke("ChargebackFunction", &month).await?.map_err(|error| error.to_string())?;
    let plain = File::query("plain", FEW);
    marts.delete(&plain.key()).await?;
    marts.await_event("Data Mart Withdrawn", "plain").await?;
    await_missing(&marts, "mart-deploy").await?;

    let journal = marts.cloud().control(Method::GET, "journal", None).await?;
    let mut calls: BTreeMap<&str, BTreeSet<Call>> = BTreeMap::new();
    for entry in journal["entries"].as_array().into_iter().flatten() {
        let caller = entry["caller"].as_str().unwrap_or_default();
        if caller.starts_with("mart-") {
            calls.entry(caller).or_default().extend(asked(entry)?);
        }
    }
    let wide = wide(&marts)?;
    let wide: Vec<_> = wide.iter().map(|(action, resource)| (action.as_str(), resource.as_str())).collect();
    for (policy, functions) in ROLES {
        let mut made = BTreeSet::new();
        let mut roles = BTreeSet::new();
        for (function, output) in functions {
            let Deployed { role, log_group } = deployed(marts.cloud(), marts.output(output)?).await?;
            made.extend(calls.remove(function).ok_or_else(|| format!("{function} has called nothing"))?);
            made.extend(by_aws(&marts, function, &log_group).await?);
            roles.insert(role);
        }
        let [role] =
            roles.into_iter().collect::<Vec<_>>().try_into().map_err(|roles| format!("{roles:?}"))?;
        fit(policy, &made, &granted(marts.cloud(), &role, policy).await?, &wide);
    }
    assert!(calls.is_empty(), "calls of a function that is not known: {calls:?}");
    Ok(())
}

/// With the warehouses named, nothing else can be queried, and what is named still can.
#[test]
fn only_the_warehouses_that_are_named_can_be_queried() -> Tested {
    let template = read(&repository().join("infra/data-marts.yaml"))?;
    let cluster = "arn:aws:redshift:us-east-1:111122223333:cluster:finance";
    let workgroup = "arn:aws:redshift-serverless:us-east-1:111122223333:workgroup/id-of-people";
    let given = BTreeMap::from([("WarehouseArns".to_owned(), format!("{cluster},{workgroup}"))]);
    let scope = Scope { account: "111122223333".into(), region: "us-east-1".into(), stack: "s".into() };
    let mut resolver = Resolver::new(&template, &given, scope)?;
    for (name, _) in template["Resources"].as_object().into_iter().flatten() {
        let arn = BTreeMap::from([("Arn".to_owned(), format!("arn:of:{name}"))]);
        resolver.know(name, name, arn);
    }
    for role in ["DeployRole", "QueryRole"] {
        let role = resolver.resolve(&template["Resources"][role]["Properties"])?;
        let grants = grants(&role["Policies"][0]["PolicyDocument"])?;
        for (warehouse, name, allowed) in [
            ("ClusterIdentifier", "finance", true),
            ("ClusterIdentifier", "people", false),
            ("WorkgroupName", "people", true),
            ("WorkgroupName", "finance", false),
        ] {
            let call = json!({
                "service": "redshift-data", "operation": "ExecuteStatement", "region": "us-east-1",
                "body": json!({ "Database": "dev", warehouse: name }).to_string()
            });
            let all = asked(&call)?.iter().all(|call| grants.iter().any(|grant| grant.covers(call)));
            assert_eq!(all, allowed, "{warehouse} {name}");
        }
    }
    Ok(())
}
