//! What voice to chat logs, measures, answers with errors and sets aside holds ids and counts, and nothing that opens a
//! chat or says who somebody is. Shown at the most verbose level that the template allows, whatever fails.

#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use eventide_testing::{eventually, fixture_json};
use eventide_tests::Chats;
use eventide_tests::chats::token;
use eventide_tests::system::PATIENCE;
use http::Method;
use serde_json::{Value, json};

type Tested = Result<(), String>;

const FUNCTIONS: [&str; 4] = ["IssueFunction", "RedeemFunction", "CallbackFunction", "FollowFunction"];

const NUMBER: &str = "4155550909";
const PERSON: &str = "marked.person@customer.test";
const NAME: &str = "Markedname";
const VALUE: &str = "marked value";
const SECRET_VALUE: &str = "marked internal value";
const QUOTED: &str = "marked quotation";
const BODY: &str = "marked body";
const VIEWER: &str = "203.0.113.209";
const NONCE: &str = "marked-nonce-of-the-first-page";
const OTHER: &str = "marked-nonce-of-another-page";
const FORGED: &str = "marked-origin-secret";

/// Written into every place that may hold something personal or secret.
const MARKED: [&str; 11] =
    [NUMBER, PERSON, NAME, VALUE, SECRET_VALUE, QUOTED, BODY, VIEWER, NONCE, OTHER, FORGED];
/// What a link, a signature or the environment of a function would show.
const TELLING: [&str; 9] = [
    "/c?t=",
    "Key-Pair-Id=",
    "Signature=",
    "PRIVATE KEY",
    "customer.test",
    "AWS_SECRET",
    "AWS_SESSION_TOKEN",
    "x-amz-security-token",
    "Credential=",
];

/// Everything that was seen on the way: what is secret, and what anybody was told.
#[derive(Default)]
struct Seen {
    secret: BTreeSet<String>,
    told: BTreeSet<String>,
}

impl Seen {
    /// Remembers what opens a chat: the token, and the signature of its link.
    fn link(&mut self, link: &str) -> Tested {
        self.secret.insert(token(link).ok_or("no token")?.to_owned());
        let signature = link.split("&Signature=").nth(1).and_then(|rest| rest.split('&').next());
        self.secret.insert(signature.ok_or("no signature")?.to_owned());
        Ok(())
    }

    /// Remembers a function's error, or its answer if that is anything but what was asked for.
    fn told(&mut self, answer: &Result<Value, Value>) {
        self.told.insert(match answer {
            Ok(answer) => answer.to_string(),
            Err(error) => error.to_string(),
        });
    }
}

async fn secret(chats: &Chats, function: &str, variable: &str) -> Result<String, String> {
    let body = json!({ "SecretId": chats.variable(function, variable).await? });
    let answer = chats.cloud().aws_json("secretsmanager", "secretsmanager.GetSecretValue", &body).await?;
    answer["SecretString"].as_str().map(str::to_owned).ok_or(format!("no secret: {answer}"))
}

/// A caller of whom everything is marked.
async fn caller(chats: &Chats) -> Result<(String, Value), String> {
    let contact = chats.caller().await?;
    let mut event = chats.event(&contact);
    let data = &mut event["Details"]["ContactData"];
    data["CustomerEndpoint"]["Address"] = json!(format!("+1{NUMBER}"));
    data["Attributes"] = json!({
        "customerName": format!("{NAME} Caller"), "email": PERSON, "orderNumber": VALUE, "internal": SECRET_VALUE,
    });
    data["CustomerId"] = json!(SECRET_VALUE);
    Ok((contact, event))
}

/// The answer of whatever the flow asks for, and the link of the newest SMS.
async fn sent(chats: &Chats, event: &Value, seen: &mut Seen) -> Result<String, String> {
    let answer = chats.stack().invoke("IssueFunction", event).await?;
    seen.told(&answer);
    let messages = chats.messages().await?;
    for link in messages.iter().filter_map(eventide_tests::chats::link) {
        seen.link(&link)?;
    }
    let newest = messages.iter().rev().find(|message| message["channel"] == "sms");
    newest.and_then(eventide_tests::chats::link).ok_or(format!("no SMS: {answer:?}"))
}

/// An error that quotes what it was asked with.
async fn quoting(chats: &Chats, operation: &str, code: &str, status: u16, times: u64) -> Tested {
    let message = format!("{QUOTED}: '{PERSON}' and +1{NUMBER} at {NAME} are not accepted, {VALUE}");
    let rule = json!({
        "match": { "operation": operation }, "times": times,
        "effect": { "type": "error", "status": status, "code": code, "message": message },
    });
    chats.stack().fault(&rule).await
}

/// Takes the faults away, each of which has taken place.
async fn end_of_faults(chats: &Chats) -> Tested {
    let faults = chats.cloud().control(Method::GET, "faults", None).await?;
    let rules = faults["rules"].as_array().ok_or("no rules")?;
    assert!(rules.iter().all(|rule| rule["applied"].as_u64() >= Some(1)), "{faults}");
    chats.cloud().control(Method::DELETE, "faults", None).await?;
    Ok(())
}

fn asks_again(mut event: Value, request: &str) -> Value {
    event["Details"]["Parameters"]["request"] = json!(request);
    event
}

/// Links that are sent, refused in words, limited, and never asked for.
async fn issue(chats: &Chats, seen: &mut Seen) -> Tested {
    let (_, event) = caller(chats).await?;
    let link = sent(chats, &event, seen).await?;
    let messages = json!(chats.messages().await?).to_string();
    for marked in [PERSON, NUMBER] {
        assert!(messages.contains(marked), "the function has read what is marked: {messages}");
    }
    assert!(messages.contains(&link));
    for request in ["2", "3", "4"] {
        sent(chats, &asks_again(event.clone(), request), seen).await?;
    }
    for (operation, code, status) in [
        ("SendEmail", "MessageRejected", 400),
        ("SendEmail", "BadRequestException", 400),
        ("SendEmail", "InternalFailure", 500),
        ("SendTextMessage", "ValidationException", 400),
        ("SendTextMessage", "ConflictException", 400),
        ("SendTextMessage", "AccessDeniedException", 400),
        ("UpdateItem", "ValidationException", 400),
        ("PutItem", "ValidationException", 400),
    ] {
        quoting(chats, operation, code, status, 10).await?;
        let (_, event) = caller(chats).await?;
        seen.told(&chats.stack().invoke("IssueFunction", &event).await?);
        end_of_faults(chats).await?;
    }
    for (member, wrong) in [
        ("CustomerEndpoint", json!(format!("+1{NUMBER}"))),
        ("CustomerEndpoint", json!({ "Address": [PERSON], "Type": BODY })),
        ("ContactId", json!(format!("{BODY} {NAME}"))),
        ("Attributes", json!(VALUE)),
        ("Attributes", json!({ "email": { PERSON: BODY }, "phone": format!("00{NUMBER} x"), BODY: [VALUE] })),
        ("LanguageCode", json!(BODY)),
        ("Queue", json!({ "Name": [BODY] })),
    ] {
        let (_, mut event) = caller(chats).await?;
        event["Details"]["ContactData"][member] = wrong;
        seen.told(&chats.stack().invoke("IssueFunction", &event).await?);
    }
    for odd in [json!(BODY), json!({ "Details": { BODY: PERSON } }), json!([BODY]), json!({ PERSON: NUMBER })]
    {
        seen.told(&chats.stack().invoke("IssueFunction", &odd).await?);
    }
    Ok(())
}

/// A request as API Gateway hands it on, with other headers and another body than the recorded one.
async fn request(chats: &Chats, function: &str, body: &str) -> Result<Value, String> {
    let name = if function == "RedeemFunction" { "redeem" } else { "callback" };
    let mut event = fixture_json(&format!("link-{name}/{name}.json"))?;
    event["headers"]["x-origin-verify"] = json!(secret(chats, function, "ORIGIN_SECRET_ARN").await?);
    event["headers"]["origin"] = json!(chats.cloud().edge());
    event["headers"]["cloudfront-viewer-address"] = json!(format!("{VIEWER}:4711"));
    event["headers"]["cookie"] = json!(BODY);
    event["body"] = json!(body);
    Ok(event)
}

/// What is no request of the page, sent to both functions past CloudFront.
async fn misuse(chats: &Chats, link: &str, seen: &mut Seen) -> Tested {
    let known = token(link).ok_or("no token")?;
    for function in ["RedeemFunction", "CallbackFunction"] {
        for body in [
            BODY.to_owned(),
            json!({ "token": BODY, "nonce": NONCE }).to_string(),
            json!({ "token": known, "nonce": BODY }).to_string(),
            json!({ "token": [known], "nonce": { NONCE: BODY } }).to_string(),
            format!("{{\"token\":\"{known}\",\"nonce\":\"{NONCE}"),
        ] {
            let event = request(chats, function, &body).await?;
            seen.told(&chats.stack().invoke(function, &event).await?);
        }
        let good = request(chats, function, &json!({ "token": known, "nonce": NONCE }).to_string()).await?;
        for (header, value) in [
            ("x-origin-verify", json!(FORGED)),
            ("cloudfront-viewer-address", json!(format!("{VIEWER}:{BODY}"))),
            ("origin", json!(format!("https://{PERSON}"))),
            ("content-type", json!(BODY)),
        ] {
            let mut event = good.clone();
            event["headers"][header] = value;
            seen.told(&chats.stack().invoke(function, &event).await?);
        }
        let mut context = good.clone();
        context["requestContext"] = json!({ "http": { "method": [known] }, NONCE: BODY });
        let mut headers = good;
        headers["headers"] = json!(known);
        for odd in [context, headers, json!(known), json!({ "body": NONCE })] {
            seen.told(&chats.stack().invoke(function, &odd).await?);
        }
    }
    Ok(())
}

/// A chat that Amazon Connect first refuses in words, then loses, then begins, and its repetitions.
async fn redeem(chats: &Chats, seen: &mut Seen) -> Result<String, String> {
    let (_, event) = caller(chats).await?;
    let link = sent(chats, &event, seen).await?;
    for (operation, code, status) in [
        ("StartChatContact", "InvalidRequestException", 400),
        ("StartChatContact", "LimitExceededException", 429),
        ("StartChatContact", "AccessDeniedException", 403),
        ("UpdateItem", "ValidationException", 400),
    ] {
        quoting(chats, operation, code, status, 10).await?;
        assert_eq!(chats.redeem(&link, NONCE).await?.status, 503);
        end_of_faults(chats).await?;
    }
    let lost = json!({ "match": { "operation": "StartChatContact" }, "times": 10, "effect": { "type": "lost_response" } });
    chats.stack().fault(&lost).await?;
    assert_eq!(chats.redeem(&link, NONCE).await?.status, 503);
    end_of_faults(chats).await?;
    let redeemed = chats.redeem(&link, NONCE).await?;
    assert_eq!(redeemed.status, 200, "{}", redeemed.text());
    assert_eq!(chats.redeem(&link, NONCE).await?.status, 200);
    assert_eq!(chats.redeem(&link, OTHER).await?.status, 410);
    let chat: Value = serde_json::from_slice(&redeemed.body).map_err(|error| error.to_string())?;
    assert_eq!(chat["displayName"], json!(format!("{NAME} Caller")));
    seen.secret.insert(chat["participantToken"].as_str().ok_or("no participant token")?.to_owned());
    misuse(chats, &link, seen).await?;
    chat["contactId"].as_str().map(str::to_owned).ok_or("no chat".to_owned())
}

/// A callback that Amazon Connect first refuses in words.
async fn call_back(chats: &Chats, seen: &mut Seen) -> Tested {
    let (_, event) = caller(chats).await?;
    let link = sent(chats, &event, seen).await?;
    let ask = json!({ "token": token(&link), "nonce": NONCE });
    assert_eq!(chats.post("/api/callback", &ask).await?.status, 409);
    chats.expire(&link).await?;
    for (code, status, answer) in [
        ("DestinationNotAllowedException", 403, 410),
        ("InvalidParameterException", 400, 410),
        ("LimitExceededException", 429, 503),
    ] {
        quoting(chats, "StartOutboundVoiceContact", code, status, 10).await?;
        assert_eq!(chats.post("/api/callback", &ask).await?.status, answer, "{code}");
        end_of_faults(chats).await?;
    }
    assert_eq!(chats.post("/api/callback", &ask).await?.status, 202);
    let calls = chats.cloud().control(Method::GET, "connect/calls", None).await?.to_string();
    assert!(calls.contains(NUMBER), "the function has read what is marked: {calls}");
    Ok(())
}

/// An agent who joins the chat, one who takes a call, and what is no event; what cannot be done is set aside.
async fn follow(chats: &Chats, chat: &str, seen: &mut Seen) -> Tested {
    quoting(chats, "DescribeContact", "InvalidRequestException", 400, 1).await?;
    for action in ["queue", "agent"] {
        chats.cloud().control(Method::POST, &format!("connect/contacts/{chat}/{action}"), None).await?;
    }
    let joined = eventually("an event that is set aside", PATIENCE, || async {
        let messages = chats.stack().messages("FailedQueueUrl").await.ok()?;
        messages.first().and_then(|message| message["Body"].as_str().map(str::to_owned))
    });
    // It is sent again, as a redrive does, when Amazon Connect has another objection.
    quoting(chats, "StopContact", "InvalidRequestException", 400, 1).await?;
    chats.stack().send_message("FollowQueueUrl", &joined.await?).await?;
    let (taken, event) = caller(chats).await?;
    sent(chats, &event, seen).await?;
    chats.cloud().control(Method::POST, &format!("connect/contacts/{taken}/agent"), None).await?;
    let odd = [
        json!(BODY),
        json!({ "source": BODY, "detail-type": PERSON, "detail": {} }),
        json!({
            "source": "aws.connect", "detail-type": "Amazon Connect Contact Event",
            "detail": { "eventType": [BODY], "contactId": NUMBER, "channel": NAME },
        }),
    ];
    for body in [BODY.to_owned()].into_iter().chain(odd.iter().map(Value::to_string)) {
        chats.stack().send_message("FollowQueueUrl", &body).await?;
    }
    // The queue hands messages over after a while.
    eventually("the other objection", PATIENCE, || async {
        let calls = chats.stack().calls("link-follow").await.ok()?;
        calls.iter().any(|call| call.ends_with(":StopContact")).then_some(())
    })
    .await
}

/// Why messages were set aside: all of their attributes, once there are as many. Takes them out.
async fn set_aside(chats: &Chats, count: usize) -> Result<BTreeSet<String>, String> {
    let (mut said, mut seen) = (BTreeSet::new(), 0);
    while seen < count {
        let what = format!("{count} failed messages; {seen} so far: {said:?}");
        let messages = eventually(&what, PATIENCE, || async {
            let messages = chats.stack().messages("FailedQueueUrl").await.ok()?;
            (!messages.is_empty()).then_some(messages)
        });
        for message in messages.await? {
            let attributes = message["MessageAttributes"].as_object().into_iter().flatten();
            said.extend(attributes.map(|(name, value)| format!("{name}: {value}")));
            let url = chats.stack().output("FailedQueueUrl")?;
            let delete = json!({ "QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"] });
            chats.cloud().aws_json("sqs", "AmazonSQS.DeleteMessage", &delete).await?;
            seen += 1;
        }
    }
    Ok(said)
}

/// What the table keeps: nothing that a link or a chat could be opened with, no mailbox, and whom it is about only where
/// the chat and the callback need it.
async fn in_table(chats: &Chats, secret: &BTreeSet<String>) -> Tested {
    let scan = json!({ "TableName": chats.stack().output("LinkTable")? });
    let scanned = chats.cloud().aws_json("dynamodb", "DynamoDB_20120810.Scan", &scan).await?;
    let items = scanned["Items"].as_array().ok_or("no items")?;
    let mut contexts = Vec::new();
    for item in items {
        let mut item = item.clone();
        if let Some(context) = item.as_object_mut().and_then(|item| item.remove("context")) {
            let context = context.to_string();
            assert!(!context.contains(PERSON) && !context.contains(SECRET_VALUE), "{context}");
            contexts.push(context);
        }
        let item = item.to_string();
        for marked in MARKED.into_iter().chain(secret.iter().map(String::as_str)) {
            assert!(!item.contains(marked), "`{marked}` in {item}");
        }
    }
    let is_whole = |context: &String| [NAME, NUMBER, VALUE].iter().all(|marked| context.contains(marked));
    assert!(contexts.iter().any(is_whole) && items.len() > contexts.len(), "{contexts:?}");
    Ok(())
}

#[tokio::test]
async fn no_log_line_no_error_and_no_reason_holds_what_opens_a_chat_or_says_who_somebody_is() -> Tested {
    let parameters = [
        ("LogLevel", "TRACE"),
        ("Attributes", "orderNumber"),
        ("LinksPerRecipient", "100"),
        ("CallsPerMinute", "1000"),
        ("RedeemsPerMinute", "1000"),
    ];
    let chats = Chats::start_with(&parameters).await?;
    chats.cloud().control(Method::POST, "connect/settings", Some(&json!({ "rates": false }))).await?;
    let mut seen = Seen::default();
    for (function, variable) in
        [("RedeemFunction", "ORIGIN_SECRET_ARN"), ("IssueFunction", "TOKEN_SECRET_ARN")]
    {
        seen.secret.insert(secret(&chats, function, variable).await?);
    }
    let keys = secret(&chats, "IssueFunction", "SIGNING_KEYS_SECRET_ARN").await?;
    let keys: Value = serde_json::from_str(&keys).map_err(|error| error.to_string())?;
    let pem = keys["keys"]["a"]["privateKey"].as_str().ok_or("no private key")?;
    seen.secret.extend(pem.lines().filter(|line| !line.starts_with("-----")).map(str::to_owned));

    issue(&chats, &mut seen).await?;
    let chat = redeem(&chats, &mut seen).await?;
    follow(&chats, &chat, &mut seen).await?;
    call_back(&chats, &mut seen).await?;
    // The event that was refused, and what is no event.
    let mut said = set_aside(&chats, 5).await?;
    assert!(said.iter().any(|said| said.starts_with("reason: ")), "{said:?}");
    said.append(&mut seen.told);
    for (function, line) in [
        ("IssueFunction", "link asked for"),
        ("IssueFunction", "message not sent"),
        ("RedeemFunction", "link redeemed"),
        ("RedeemFunction", "link not redeemed"),
        ("CallbackFunction", "no call made"),
        ("CallbackFunction", "call asked for"),
        ("FollowFunction", "link revoked"),
        ("FollowFunction", "not ended by Connect"),
        ("FollowFunction", "a voice contact goes on as a chat"),
    ] {
        eventually(&format!("`{line}` of {function}"), PATIENCE, || async {
            let lines = chats.stack().logs(function).await.ok()?;
            lines.iter().any(|found| found.contains(line)).then_some(())
        })
        .await?;
    }
    for function in FUNCTIONS {
        let lines = chats.stack().logs(function).await?;
        assert!(lines.iter().any(|line| line.contains("\"DEBUG\"")), "{function} logs all it can");
        said.extend(lines);
    }
    assert!(said.iter().any(|line| line.contains("CloudWatchMetrics")), "metrics are among them");
    for line in &said {
        let lower = line.to_lowercase();
        let secret = seen.secret.iter().map(String::as_str);
        for marked in MARKED.into_iter().chain(TELLING).chain(secret) {
            assert!(!lower.contains(&marked.to_lowercase()), "`{marked}` in {line}");
        }
    }
    assert!(seen.secret.len() > 20, "{}", seen.secret.len());
    in_table(&chats, &seen.secret).await
}
