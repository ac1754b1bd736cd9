use std::sync::Arc;
use std::time::Duration;

use eventide_clients::iam::{Account, Iam, Lookup, SdkIam};
use eventide_kit::clock::ManualClock;

use crate::support::{Reply, Seen, Server, clock, xml};

const OWN: &str = "111122223333";
const MEMBER: &str = "444455556666";

fn iam(server: &Server, member_role: Option<&str>, clock: &ManualClock) -> SdkIam {
    let own = Account { partition: "aws-us-gov".to_owned(), id: OWN.to_owned() };
    SdkIam::new(&server.config(), own, member_role.map(str::to_owned), Arc::new(clock.clone()))
}

fn principal(kind: &str, arn: &str) -> Reply {
    xml(
        200,
        format!(
            "<Get{kind}Response xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><Get{kind}Result><{kind}>\
             <Path>/p/</Path><{kind}Name>n</{kind}Name><{kind}Id>AIDAEXAMPLE</{kind}Id><Arn>{arn}</Arn>\
             <CreateDate>2026-01-01T00:00:00Z</CreateDate></{kind}></Get{kind}Result></Get{kind}Response>"
        ),
    )
}

fn refusal(status: u16, code: &str) -> Reply {
    xml(
        status,
        format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>said AWS</Message></Error>\
             <RequestId>r</RequestId></ErrorResponse>"
        ),
    )
}

fn credentials(key: &str, expires: &str) -> Reply {
    xml(
        200,
        format!(
            "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials>\
             <AccessKeyId>{key}</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>\
             <Expiration>{expires}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
        ),
    )
}

fn keys(seen: &[Seen]) -> Vec<&str> {
    seen.iter().map(|seen| seen.credential.split('/').next().unwrap()).collect()
}

#[tokio::test]
async fn principals_of_our_own_account_are_found_by_our_own_role_and_remembered() {
    let server = Server::start(|request| match request.field("Action").unwrap() {
        "GetRole" => principal("Role", "arn:aws:iam::111122223333:role/p/n"),
        _ => principal("User", "arn:aws:iam::111122223333:user/p/n"),
    })
    .await;
    let clock = clock();
    let iam = iam(&server, Some("member"), &clock);
    for _ in 0..2 {
        let role = iam.role_arn(OWN, "n").await.unwrap();
        assert_eq!(role, Lookup::Found("arn:aws:iam::111122223333:role/p/n".to_owned()));
        let user = iam.user_arn(OWN, "n").await.unwrap();
        assert_eq!(user, Lookup::Found("arn:aws:iam::111122223333:user/p/n".to_owned()));
    }
    assert_eq!(keys(&server.seen()), ["AKIDFUNCTION", "AKIDFUNCTION"]);
    assert_eq!(server.seen()[0].field("RoleName"), Some("n"));
    clock.advance(Duration::from_secs(15 * 60));
    iam.role_arn(OWN, "n").await.unwrap();
    assert_eq!(server.hits(), 3);
}

#[tokio::test]
async fn a_member_account_is_asked_by_a_role_there_until_five_minutes_before_it_expires() {
    let server = Server::start(|request| match (request.field("Action").unwrap(), request.number) {
        ("AssumeRole", 0) => credentials("AKIDMEMBER1", "2026-11-01T13:00:00Z"),
        ("AssumeRole", _) => credentials("AKIDMEMBER2", "2026-11-01T14:00:00Z"),
        _ => refusal(404, "NoSuchEntity"),
    })
    .await;
    let clock = clock();
    let iam = iam(&server, Some("member"), &clock);
    assert_eq!(iam.role_arn(MEMBER, "a").await.unwrap(), Lookup::Absent);
    clock.advance(Duration::from_secs(55 * 60 - 1));
    assert_eq!(iam.role_arn(MEMBER, "b").await.unwrap(), Lookup::Absent);
    clock.advance(Duration::from_secs(1));
    assert_eq!(iam.role_arn(MEMBER, "c").await.unwrap(), Lookup::Absent);
    let seen = server.seen();
    assert_eq!(keys(&seen), ["AKIDFUNCTION", "AKIDMEMBER1", "AKIDMEMBER1", "AKIDFUNCTION", "AKIDMEMBER2"]);
    assert_eq!(seen[0].field("RoleArn"), Some("arn%3Aaws-us-gov%3Aiam%3A%3A444455556666%3Arole%2Fmember"));
    assert_eq!(seen[0].field("RoleSessionName"), Some("eventide-finding-enrich"));
}

#[tokio::test]
async fn denials_name_what_was_denied_and_are_asked_again_after_a_minute() {
    let server = Server::start(|request| match (request.field("Action").unwrap(), request.number) {
        ("AssumeRole", 0) => refusal(403, "AccessDenied"),
        ("AssumeRole", _) => credentials("AKIDMEMBER", "2026-11-01T13:00:00Z"),
        _ => refusal(403, "AccessDenied"),
    })
    .await;
    let clock = clock();
    let iam = iam(&server, Some("member"), &clock);
    let denied = Lookup::Denied("`sts:AssumeRole` of `member` was denied".to_owned());
    assert_eq!(iam.role_arn(MEMBER, "n").await.unwrap(), denied);
    clock.advance(Duration::from_secs(59));
    assert_eq!(iam.role_arn(MEMBER, "n").await.unwrap(), denied);
    assert_eq!(server.hits(), 1);
    clock.advance(Duration::from_secs(1));
    let denied = Lookup::Denied("`iam:GetRole` was denied".to_owned());
    assert_eq!(iam.role_arn(MEMBER, "n").await.unwrap(), denied);
    let denied = Lookup::Denied("`iam:GetUser` was denied".to_owned());
    assert_eq!(iam.user_arn(MEMBER, "n").await.unwrap(), denied);
}

#[tokio::test]
async fn nothing_is_asked_that_cannot_be_answered() {
    let server = Server::start(|_| refusal(500, "ServiceFailure")).await;
    let iam = iam(&server, None, &clock());
    assert_eq!(iam.role_arn(MEMBER, "n").await.unwrap(), Lookup::NotConfigured);
    assert_eq!(iam.role_arn(OWN, "no/name").await.unwrap(), Lookup::Absent);
    assert_eq!(iam.user_arn(OWN, &"x".repeat(1_000_000)).await.unwrap(), Lookup::Absent);
    assert_eq!(iam.role_arn("1:role/x", "n").await.unwrap_err().qualified_type(), "Permanent.InvalidAccount");
    assert_eq!(server.hits(), 0);
}

#[tokio::test]
async fn other_failures_are_errors_and_not_remembered() {
    let server = Server::start(|request| match request.number {
        0..3 => refusal(500, "ServiceFailure"),
        3 => refusal(403, "ExpiredToken"),
        _ => principal("Role", "arn:aws:iam::111122223333:role/n"),
    })
    .await;
    let iam = iam(&server, None, &clock());
    for expected in ["Retryable.ServerError", "Environment.ExpiredToken"] {
        assert_eq!(iam.role_arn(OWN, "n").await.unwrap_err().qualified_type(), expected);
    }
    assert!(matches!(iam.role_arn(OWN, "n").await.unwrap(), Lookup::Found(_)));
}
