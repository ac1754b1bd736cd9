//! Connections, their credentials, what they may send, and what a customer who comes back gets.

use super::*;

#[tokio::test]
async fn a_customer_who_comes_back_gets_what_was_said_meanwhile() {
    let bench = bench().await;
    let started = bench.start(json!({})).await;
    let (mut socket, token) = bench.join(&started).await;
    socket.told(3).await;
    let path = format!("contacts/{}/cut", started["ContactId"].as_str().unwrap());
    assert_eq!(bench.control("POST", &path, Value::Null).await, json!({ "connections": 1 }));
    assert_eq!(socket.next().await, None, "the connection is gone");
    bench.say(&token, "still there?").await;
    let (mut socket, token) = bench.join(&started).await;
    // The agent's answer may come before or after the subscription: the transcript has it either way.
    let reply = "AGENT: I understood: “still there?”. Write “bye” to end the chat.";
    while !bench.transcript(&token).await.contains(&reply.to_owned()) {
        tokio::task::yield_now().await;
    }
    let transcript = bench.transcript(&token).await;
    assert_eq!(transcript[..2], ["CUSTOMER: joined", "AGENT: joined"]);
    assert_eq!(transcript[3..], ["CUSTOMER: still there?", reply]);
    let contact = bench.control("GET", "contacts", Value::Null).await;
    assert_eq!(contact["contacts"][0]["chat"]["connections"], 1);

    // All connections hear of everything.
    let (mut second, _) = bench.join(&started).await;
    bench.participates("event", &token, json!({ "ContentType": item::TYPING })).await;
    for socket in [&mut socket, &mut second] {
        while told(&socket.item().await) != "CUSTOMER: typing" {}
    }
    let messages = bench.events().await;
    let queued = messages.iter().filter(|event| event["detail"]["eventType"] == "QUEUED").count();
    assert_eq!(queued, 1, "a chat is queued once");
}

#[tokio::test]
async fn frames_are_answered_as_chatjs_expects_them() {
    let bench = bench().await;
    bench.control("POST", "settings", json!({ "agentJoins": false })).await;
    let started = bench.start(json!({})).await;
    let (mut socket, token) = bench.join(&started).await;
    let heartbeat = json!({ "topic": "aws/heartbeat" });
    assert_eq!(socket.ask(heartbeat.clone()).await, heartbeat);
    let ping = socket.ask(json!({ "topic": "aws/ping" })).await;
    assert_eq!(ping, json!({ "topic": "aws/ping", "statusCode": 200, "statusContent": "OK" }));
    let other = json!({ "topic": "aws/subscribe", "content": { "topics": ["aws/other"] } });
    assert_eq!(socket.ask(other).await["content"]["status"], "failure");
    assert_eq!(socket.ask(json!("no topic")).await["message"], "Forbidden");
    let off = json!({ "topic": "aws/unsubscribe", "content": { "topics": ["aws/chat"] } });
    assert_eq!(socket.ask(off).await["content"]["status"], "success");
    bench.say(&token, "unheard").await;
    assert_eq!(socket.ask(heartbeat.clone()).await, heartbeat, "nothing of the chat came before it");
    socket.subscribe().await;
    bench.say(&token, "heard").await;
    assert_eq!(socket.told(1).await, ["CUSTOMER: heard"]);
}

#[tokio::test]
async fn credentials_are_valid_for_their_time_and_for_nothing_else() {
    let bench = bench().await;
    let started = bench.start(json!({ "ConnectionTypes": ["WEBSOCKET", "CONNECTION_CREDENTIALS"] })).await;
    let url = started["Websocket"]["Url"].as_str().unwrap();
    assert!(url.starts_with(&bench.origin.replacen("http", "ws", 1)), "{url}");
    let mut socket = Socket::open(url).await.expect("the address that the chat's start gave");
    socket.subscribe().await;
    assert_eq!(Socket::open(&format!("{url}x")).await.err(), Some(403));
    let credentials = bench.credentials(&started).await;
    let (token, participant) =
        (&credentials["ConnectionCredentials"]["ConnectionToken"], &started["ParticipantToken"]);
    let denied = (403, "AccessDeniedException".to_owned());
    let both = json!({ "Type": ["WEBSOCKET", "CONNECTION_CREDENTIALS"] });
    assert_eq!(bench.denied("connection", token, both.clone()).await, denied, "a connection's token");
    assert_eq!(bench.denied("transcript", participant, json!({})).await, denied, "a participant's token");
    assert_eq!(bench.denied("transcript", &json!(""), json!({})).await, denied);
    let url = credentials["Websocket"]["Url"].as_str().unwrap();
    bench.clock.advance(Duration::seconds(50));
    Socket::open(url).await.expect("100 seconds are not over");
    bench.clock.advance(Duration::seconds(50));
    assert_eq!(Socket::open(url).await.err(), Some(403));
    bench.clock.advance(Duration::days(1) - Duration::seconds(200));
    bench.transcript(token).await;
    bench.clock.advance(Duration::seconds(100));
    assert_eq!(bench.denied("transcript", token, json!({})).await, denied, "a day is over");
    let renewed =
        bench.participates("connection", participant, json!({ "Type": ["CONNECTION_CREDENTIALS"] })).await;
    assert!(renewed.get("Websocket").is_none());
    bench.transcript(&renewed["ConnectionCredentials"]["ConnectionToken"]).await;
    let invalid = (400, "ValidationException".to_owned());
    for types in [json!(["WEBRTC_CONNECTION"]), json!([]), json!("WEBSOCKET")] {
        assert_eq!(bench.denied("connection", participant, json!({ "Type": types })).await, invalid);
    }
    assert_eq!(
        bench.denied("attachment", token, json!({})).await,
        (501, "NotImplementedException".to_owned())
    );
}

#[tokio::test]
async fn messages_and_receipts_are_checked_and_repeated_by_their_client_token() {
    let bench = bench().await;
    bench.control("POST", "settings", json!({ "agentJoins": false, "agentAnswers": false })).await;
    let started =
        bench.start(json!({ "SupportedMessagingContentTypes": ["text/plain", "application/json"] })).await;
    let (mut socket, token) = bench.join(&started).await;
    let invalid = (400, "ValidationException".to_owned());
    let message = |kind: &str, content: String| json!({ "ContentType": kind, "Content": content });
    for body in [
        message("text/plain", String::new()),
        message("text/plain", "x".repeat(1_025)),
        message("application/json", "x".repeat(12_001)),
        message("text/markdown", "x".into()),
        message("text/html", "x".into()),
        json!({ "Content": "x" }),
        with(message("text/plain", "x".into()), json!({ "ClientToken": "t".repeat(501) })),
    ] {
        assert_eq!(bench.denied("message", &token, body).await, invalid);
    }
    let once = with(message("text/plain", "é".repeat(1_024)), json!({ "ClientToken": "t" }));
    let sent = bench.participates("message", &token, once.clone()).await;
    assert_eq!(bench.participates("message", &token, once).await, sent);
    assert_eq!(bench.transcript(&token).await.len(), 2, "it is there once");
    socket.item().await;

    let contact = format!("contacts/{}", started["ContactId"].as_str().unwrap());
    bench.control("POST", &format!("{contact}/agent"), Value::Null).await;
    bench.control("POST", &format!("{contact}/message"), json!({ "text": "hi" })).await;
    socket.item().await;
    let theirs = socket.item().await["Id"].clone();
    let receipt = |kind: &str, id: &Value| {
        let content = json!({ "messageId": id }).to_string();
        json!({ "ContentType": kind, "Content": content })
    };
    for body in [
        receipt(item::READ, &sent["Id"]),
        receipt(item::READ, &json!("none")),
        json!({ "ContentType": item::READ, "Content": "no JSON" }),
        json!({ "ContentType": item::ENDED }),
    ] {
        assert_eq!(
            bench.denied("event", &token, body).await,
            invalid,
            "own, unknown, or no event of a customer"
        );
    }
    bench.participates("event", &token, receipt(item::DELIVERED, &theirs)).await;
    let delivered = socket.item().await;
    assert_eq!(delivered["Type"], "MESSAGEMETADATA");
    let told = &delivered["MessageMetadata"];
    assert_eq!(
        (&told["MessageId"], &told["Receipts"][0]["RecipientParticipantId"]),
        (&theirs, &started["ParticipantId"])
    );
    assert!(
        told["Receipts"][0]["DeliveredTimestamp"].is_string()
            && told["Receipts"][0].get("ReadTimestamp").is_none()
    );
    bench.participates("event", &token, receipt(item::READ, &theirs)).await;
    assert!(socket.item().await["MessageMetadata"]["Receipts"][0]["ReadTimestamp"].is_string());
}

#[tokio::test]
async fn failures_hit_as_often_as_they_are_to_before_or_after_the_work() {
    let bench = bench().await;
    bench.control("POST", "settings", json!({ "agentJoins": false })).await;
    let started = bench.start(json!({})).await;
    let (_socket, token) = bench.join(&started).await;
    let body = json!({ "ContentType": "text/plain", "Content": "x", "ClientToken": "t" });
    for carried_out in [false, true] {
        let failure = json!({
            "operation": "SendMessage", "code": "ThrottlingException", "status": 429, "times": 1,
            "carriedOut": carried_out,
        });
        bench.control("POST", "failures", failure).await;
        let denied = bench.denied("message", &token, body.clone()).await;
        assert_eq!(denied, (429, "ThrottlingException".to_owned()));
        assert_eq!(bench.transcript(&token).await.len(), 1 + usize::from(carried_out));
    }
    bench.participates("message", &token, body).await;
    assert_eq!(bench.transcript(&token).await.len(), 2, "the client token makes it the same message");
    let listed = bench.control("GET", "failures", Value::Null).await;
    assert_eq!(listed["failures"][1]["hits"], 1);
    bench.control("DELETE", "failures", Value::Null).await;
    let bad = bench.connect.control(Method::POST, "failures".into(), json!({ "operation": "x" })).await;
    assert_eq!(bad.status, 400);
}

#[tokio::test]
async fn a_preflight_is_answered_for_any_origin() {
    let bench = bench().await;
    let request = http::Request::options(format!("{}/participant/message", bench.origin))
        .header("origin", "https://elsewhere.test")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type,x-amz-bearer")
        .body(Full::new(Bytes::new()))
        .unwrap();
    let client = Client::builder(TokioExecutor::new()).build_http();
    let response = client.request(request).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["access-control-allow-headers"], "content-type,x-amz-bearer");
    assert_eq!(response.headers()["access-control-allow-methods"], "POST");
}
