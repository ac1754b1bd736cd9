//! Every call that a function makes is granted to its role, and every grant is needed: shown on the deployed
//! policies, for every way that the system takes.

#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use eventide_testing::template::{Resolver, Scope, read};
use eventide_testing::{LocalCloud, eventually, repository};
use eventide_tests::System;
use eventide_tests::findings::{about, about_role, from_event, with_severity};
use eventide_tests::policy::{Call, Deployed, Grant, asked, deployed, faults, granted, grants};
use eventide_tests::system::PATIENCE;
use http::Method;
use serde_json::json;

type Tested = Result<(), String>;

const MEMBER_ACCOUNT: &str = "444455556666";
/// The default name in finding-enrichment-member-role.yaml.
const MEMBER_ROLE: &str = "EventideFindingEnrichmentRead";

/// The grants on more than one resource, as `(action, resource)`.
const WIDE: [(&str, &str); 10] = [
    // The streams of one log group; Lambda chooses their names.
    (
        "logs:*",
        "arn:aws:logs:us-east-1:111122223333:log-group:/aws/lambda/eventide-finding-enrichment/finding-investigate:*",
    ),
    (
        "logs:*",
        "arn:aws:logs:us-east-1:111122223333:log-group:/aws/lambda/eventide-finding-enrichment/finding-enrich:*",
    ),
    // The action knows no resources.
    ("detective:ListGraphs", "*"),
    // A finding is investigated in the graph of its own Region, whose id AWS chooses.
    ("detective:*", "arn:aws:detective:*:111122223333:graph:*"),
    // AWS chooses the id of the new Security Hub's hub.
    ("securityhub:BatchUpdateFindings", "arn:aws:securityhub:us-east-1:111122223333:hubv2/*"),
    // Whom a finding names is known only when it arrives, and so are his account and name.
    ("iam:GetRole", "arn:aws:iam::111122223333:role/*"),
    ("iam:GetUser", "arn:aws:iam::111122223333:user/*"),
    ("sts:AssumeRole", "arn:aws:iam::*:role/EventideFindingEnrichmentRead"),
    ("iam:GetRole", "arn:aws:iam::444455556666:role/*"),
    ("iam:GetUser", "arn:aws:iam::444455556666:user/*"),
];

/// Findings and mishaps that lead through every way: asked by the rule and by a person, ASFF and OCSF, users and
/// roles, here and in a member account, complete, failed and unsupported, a lost answer, throttling, and messages
/// that go to the failed queue.
async fn drive_every_way(system: &System) -> Tested {
    let aws = system.aws().clone().with_access_key(MEMBER_ACCOUNT);
    let trust = r#"{"Version":"2012-10-17","Statement":[]}"#;
    let role = [("RoleName", MEMBER_ROLE), ("AssumeRolePolicyDocument", trust)];
    aws.query("iam", "CreateRole", &role).await?;
    system.cloud().control(Method::POST, "securityhub/settings", Some(&json!({ "v2": true }))).await?;
    let gone = json!({ "findingIdContains": "gone", "code": "FindingNotFound", "times": 1 });
    system.cloud().control(Method::POST, "securityhub/unprocessed", Some(&gone)).await?;
    let soon =
        json!({ "QueueUrl": system.output("WorkQueueUrl")?, "Attributes": { "VisibilityTimeout": "2" } });
    system.cloud().aws_json("sqs", "AmazonSQS.SetQueueAttributes", &soon).await?;
    // More than the SDK's own three attempts hide.
    for (service, operation, times, effect) in [
        ("detective", "StartInvestigation", 1, "lost_response"),
        ("securityhub", "BatchUpdateFindings", 4, "throttle"),
    ] {
        let matching = json!({ "caller": "finding-enrich", "service": service, "operation": operation });
        system.fault(&json!({ "match": matching, "times": times, "effect": { "type": effect } })).await?;
    }

    let member = |name: &str, kind: &str| {
        about(name, &json!({ "AccountId": MEMBER_ACCOUNT, "PrincipalName": name, "PrincipalType": kind }))
    };
    let with_id = |file: &str, id: &str| {
        let mut finding = with_severity(from_event(file)?, "HIGH");
        finding["Id"] = json!(id);
        Ok::<_, String>(finding)
    };
    let findings = [
        member("quiet-role-there", "AssumedRole")?,
        member("quiet-user-there", "IAMUser")?,
        with_id("imported-several-principals.json", "several")?,
        with_id("imported-root.json", "root")?,
        with_severity(about_role("asked", "failed-role")?, "LOW"),
        about_role("gone", "quiet-role")?,
    ];
    system.import(&findings).await?;
    system.custom_action(&["asked"], true).await?;
    let poison = json!({ "QueueUrl": system.output("WorkQueueUrl")?, "MessageBody": "no work" });
    system.cloud().aws_json("sqs", "AmazonSQS.SendMessage", &poison).await?;
    for (id, stage) in [
        ("quiet-role-there", "complete"),
        ("quiet-user-there", "complete"),
        ("several", "complete"),
        ("root", "unsupported"),
        ("asked", "failed"),
    ] {
        system.await_stage(id, stage).await?;
    }
    system.await_messages("FailedQueueUrl", 2).await?;
    let commented = eventually("a comment on an OCSF finding", PATIENCE, || async {
        let comments = system.count("finding-enrich", "securityhub:BatchUpdateFindingsV2").await.ok()?;
        (comments > 0).then_some(())
    });
    commented.await?;
    let rules = system.cloud().control(Method::GET, "faults", None).await?;
    let met = rules["rules"].as_array().map(|rules| rules.iter().all(|rule| rule["applied"] != 0));
    assert_eq!(met, Some(true), "every mishap took place: {rules}");
    Ok(())
}

/// What AWS does in a function's name, which no journal shows.
async fn by_aws(system: &System, function: &str, log_group: &str) -> Result<BTreeSet<Call>, String> {
    let queue = |output: &str| {
        let name = system.output(output)?.rsplit('/').next().unwrap_or_default();
        Ok::<_, String>(format!("arn:aws:sqs:us-east-1:111122223333:{name}"))
    };
    // Lambda writes the function's log.
    let stream = format!("arn:aws:logs:us-east-1:111122223333:log-group:{log_group}:log-stream:any");
    let mut calls =
        BTreeSet::from([Call::new("logs:CreateLogStream", &stream), Call::new("logs:PutLogEvents", &stream)]);
    // SQS uses the key of an encrypted queue for who sends to it or receives from it.
    let body = json!({ "QueueUrl": system.output("WorkQueueUrl")?, "AttributeNames": ["KmsMasterKeyId"] });
    let answer = system.cloud().aws_json("sqs", "AmazonSQS.GetQueueAttributes", &body).await?;
    let key = answer["Attributes"]["KmsMasterKeyId"].as_str().ok_or("the work queue has no key")?;
    calls.extend(["kms:Decrypt", "kms:GenerateDataKey"].map(|action| Call::new(action, key)));
    if function == "finding-investigate" {
        // Lambda delivers events that failed for good to the on-failure destination.
        calls.insert(Call::new("sqs:SendMessage", &queue("FailedQueueUrl")?));
    } else {
        // Lambda polls the queue of an event source mapping.
        let polling = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"];
        let queue = queue("WorkQueueUrl")?;
        calls.extend(polling.map(|action| Call::new(action, &queue)));
    }
    Ok(calls)
}

/// The grants of the role in a member account, whose template trusts the worker's role and nobody else.
fn member_grants(enrich_role: &str) -> Result<BTreeSet<Grant>, String> {
    let template = read(&repository().join("infra/finding-enrichment-member-role.yaml"))?;
    let scope = Scope { account: MEMBER_ACCOUNT.into(), region: "us-east-1".into(), stack: "s".into() };
    let given = BTreeMap::from([("EnrichRoleArn".to_owned(), enrich_role.to_owned())]);
    let role =
        Resolver::new(&template, &given, scope)?.resolve(&template["Resources"]["ReadRole"]["Properties"])?;
    assert_eq!(role["RoleName"], MEMBER_ROLE);
    let trust =
        json!([{ "Effect": "Allow", "Principal": { "AWS": enrich_role }, "Action": "sts:AssumeRole" }]);
    assert_eq!(role["AssumeRolePolicyDocument"]["Statement"], trust);
    let policies = role["Policies"].as_array().ok_or("the member role has no policies")?;
    assert!(policies.len() == 1 && role["ManagedPolicyArns"].is_null(), "{role}");
    grants(&role["Policies"][0]["PolicyDocument"])
}

/// The calls fit the grants, and would fit neither fewer nor more of them.
fn fit(who: &str, calls: &BTreeSet<Call>, grants: &BTreeSet<Grant>) {
    assert_eq!(faults(calls, grants, &WIDE), Vec::<String>::new(), "{who}");
    for grant in grants {
        let mut fewer = grants.clone();
        fewer.remove(grant);
        assert!(!faults(calls, &fewer, &WIDE).is_empty(), "{who} without {grant:?}");
    }
    let more = [
        Grant::new("s3:GetObject", "arn:aws:s3:::a-bucket/key"),
        Grant::new("sqs:PurgeQueue", "arn:aws:sqs:us-east-1:111122223333:a-queue"),
        Grant::new("sqs:SendMessage", "*"),
        Grant::new("iam:*", "*"),
        Grant::new("detective:StartInvestigation", "*"),
    ];
    for grant in more {
        let mut more = grants.clone();
        more.insert(grant.clone());
        assert!(!faults(calls, &more, &WIDE).is_empty(), "{who} with {grant:?}");
    }
}

#[tokio::test]
async fn every_call_is_granted_and_every_grant_is_needed() -> Tested {
    let cloud = LocalCloud::start_with(&["--journal-bodies"]).await?;
    let parameters = [("OcsfFindings", "ENABLED"), ("MemberRoleName", MEMBER_ROLE)];
    let system = System::start_on(cloud, &parameters).await?;
    drive_every_way(&system).await?;

    let journal = system.cloud().control(Method::GET, "journal", None).await?;
    let mut calls: BTreeMap<&str, BTreeSet<Call>> = BTreeMap::new();
    let mut in_member_account = BTreeSet::new();
    for entry in journal["entries"].as_array().into_iter().flatten() {
        let caller = entry["caller"].as_str().unwrap_or_default();
        if !caller.starts_with("finding-") {
            continue;
        }
        // With a temporary key of the member role, that role is asked, not the function's.
        if entry["role_arn"].is_null() {
            calls.entry(caller).or_default().extend(asked(entry)?);
        } else {
            in_member_account.extend(asked(entry)?);
        }
    }
    for (function, output) in
        [("finding-investigate", "InvestigateFunction"), ("finding-enrich", "EnrichFunction")]
    {
        let Deployed { role, log_group } = deployed(system.cloud(), system.output(output)?).await?;
        let mut made = calls.remove(function).unwrap_or_default();
        made.extend(by_aws(&system, function, &log_group).await?);
        fit(function, &made, &granted(system.cloud(), &role, function).await?);
    }
    assert!(calls.is_empty(), "calls of a function that is not known: {calls:?}");
    fit("the member role", &in_member_account, &member_grants(system.output("EnrichRoleArn")?)?);
    Ok(())
}
