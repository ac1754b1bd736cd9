//! A customer and the scripted agent chat.

use super::*;

#[tokio::test]
async fn a_chat_goes_from_the_queue_to_the_agent_who_answers_until_bye() {
    let bench = bench().await;
    let started = bench.start(json!({ "Attributes": { "language": "en" } })).await;
    assert!(bench.event_types().await.len() == 2, "nobody waits before the customer connects");
    let (mut socket, token) = bench.join(&started).await;
    let greeting =
        "AGENT: Hello Ann, this is Sam, the scripted agent of the local cloud. How can I help you?";
    assert_eq!(socket.told(3).await, ["AGENT: joined", "AGENT: typing", greeting]);
    let mut types = bench.event_types().await;
    types.sort_unstable();
    assert_eq!(types, ["CONNECTED_TO_AGENT", "QUEUED"]);
    assert!(bench.describe(&started["ContactId"]).await["AgentInfo"].is_object());

    let sent = bench.say(&token, "my {name} is late").await;
    let own = socket.item().await;
    for (member, expected) in [
        ("Id", sent["Id"].clone()),
        ("AbsoluteTime", sent["AbsoluteTime"].clone()),
        ("Type", json!("MESSAGE")),
        ("ContentType", json!("text/plain")),
        ("Content", json!("my {name} is late")),
        ("ParticipantId", started["ParticipantId"].clone()),
        ("ParticipantRole", json!("CUSTOMER")),
        ("DisplayName", json!("Ann")),
        ("ContactId", started["ContactId"].clone()),
        ("InitialContactId", started["ContactId"].clone()),
    ] {
        assert_eq!(own[member], expected, "{member}");
    }
    let reply = "AGENT: I understood: “my {name} is late”. Write “bye” to end the chat.";
    assert_eq!(socket.told(2).await, ["AGENT: typing", reply]);

    bench.say(&token, "Bye!").await;
    let end = ["CUSTOMER: Bye!", "AGENT: typing", "AGENT: Goodbye, Ann.", "AGENT: left", "SYSTEM: ended"];
    assert_eq!(socket.told(5).await, end);
    assert_eq!(bench.event_types().await, ["DISCONNECTED"]);
    assert_eq!(bench.describe(&started["ContactId"]).await["DisconnectReason"], "AGENT_DISCONNECT");
    let denied = (403, "AccessDeniedException".to_owned());
    for path in ["message", "event", "transcript", "disconnect"] {
        let body = json!({ "ContentType": "text/plain", "Content": "x" });
        assert_eq!(bench.denied(path, &token, body).await, denied, "{path}");
    }
    let both = json!({ "Type": ["WEBSOCKET", "CONNECTION_CREDENTIALS"] });
    assert_eq!(bench.denied("connection", &started["ParticipantToken"], both).await, denied);
    assert_eq!(bench.stop(&started["ContactId"]).await.0, 200, "an ended chat can be stopped again");
    assert!(bench.events().await.is_empty());
}

#[tokio::test]
async fn the_agent_speaks_the_contacts_language_and_answers_what_was_written_while_waiting() {
    let bench = bench().await;
    for (language, greeting, reply) in [
        ("es", "Hola, Ann: soy Sam", "He entendido: «pedido»"),
        ("de-AT", "Hallo Ann, hier ist Sam", "Ich habe verstanden: „pedido“"),
        ("xx", "Hello Ann, this is Sam", "I understood: “pedido”"),
    ] {
        let started = bench
            .start(json!({
                "Attributes": { "language": language },
                "InitialMessage": { "ContentType": "text/plain", "Content": " pedido " },
            }))
            .await;
        let (mut socket, _) = bench.join(&started).await;
        let told = socket.told(5).await;
        assert!(told[2].contains(greeting) && told[4].contains(reply), "{told:?}");
    }
}

#[tokio::test]
async fn the_agent_keeps_to_the_clock() {
    let bench = bench().await;
    let slow = json!({ "joinSeconds": 600, "thinkSeconds": 50, "typingSeconds": 100, "agentName": "Kim" });
    bench.control("POST", "settings", slow).await;
    let started = bench.start(json!({})).await;
    let (mut socket, token) = bench.join(&started).await;
    bench.clock.advance(Duration::seconds(500));
    bench.say(&token, "anybody?").await;
    assert_eq!(socket.told(1).await, ["CUSTOMER: anybody?"], "nobody has joined");
    bench.clock.advance(Duration::seconds(100));
    assert_eq!(socket.told(1).await, ["AGENT: joined"]);
    bench.clock.advance(Duration::seconds(50));
    assert_eq!(socket.told(1).await, ["AGENT: typing"]);
    bench.clock.advance(Duration::seconds(100));
    assert!(socket.told(1).await[0].contains("this is Kim"));
    bench.clock.advance(Duration::seconds(50));
    assert_eq!(socket.told(1).await, ["AGENT: typing"]);
    bench.clock.advance(Duration::seconds(100));
    assert!(socket.told(1).await[0].contains("“anybody?”"));
}

#[tokio::test]
async fn an_agent_who_does_not_join_by_itself_is_led_by_control() {
    let bench = bench().await;
    bench.control("POST", "settings", json!({ "agentJoins": false, "agentAnswers": false })).await;
    let started = bench.start(json!({})).await;
    let (mut socket, token) = bench.join(&started).await;
    let contact = format!("contacts/{}", started["ContactId"].as_str().unwrap());
    assert_eq!(bench.control("GET", &contact, Value::Null).await["state"], "queued");
    let early =
        bench.connect.control(Method::POST, format!("{contact}/message"), json!({ "text": "x" })).await;
    assert_eq!(early.status, 400, "there is no agent yet");
    bench.control("POST", &format!("{contact}/agent"), Value::Null).await;
    bench.control("POST", &format!("{contact}/typing"), Value::Null).await;
    bench.control("POST", &format!("{contact}/message"), json!({ "text": "by hand" })).await;
    assert_eq!(socket.told(3).await, ["AGENT: joined", "AGENT: typing", "AGENT: by hand"]);
    bench.say(&token, "unanswered").await;
    let shown = bench.control("POST", &format!("{contact}/end"), json!({ "by": "agent" })).await;
    assert_eq!(shown["state"], "ended");
    assert_eq!(socket.told(3).await, ["CUSTOMER: unanswered", "AGENT: left", "SYSTEM: ended"]);
    let transcript = &bench.control("GET", &contact, Value::Null).await["transcript"];
    let told: Vec<_> = transcript.as_array().unwrap().iter().map(told).collect();
    let expected = [
        "CUSTOMER: joined",
        "AGENT: joined",
        "AGENT: by hand",
        "CUSTOMER: unanswered",
        "AGENT: left",
        "SYSTEM: ended",
    ];
    assert_eq!(told, expected, "typing is in no transcript");
}

#[tokio::test]
async fn chats_end_when_the_customer_leaves_never_comes_or_the_time_is_up() {
    let bench = bench().await;
    bench.control("POST", "settings", json!({ "agentJoins": false })).await;
    let left = bench.start(json!({})).await;
    let (mut socket, token) = bench.join(&left).await;
    bench.participates("disconnect", &token, json!({ "ClientToken": "c" })).await;
    assert_eq!(socket.told(2).await, ["CUSTOMER: left", "SYSTEM: ended"]);
    assert_eq!(bench.describe(&left["ContactId"]).await["DisconnectReason"], "CUSTOMER_DISCONNECT");

    let stopped = bench.start(json!({})).await;
    let (mut socket, _) = bench.join(&stopped).await;
    assert_eq!(bench.stop(&stopped["ContactId"]).await.0, 200);
    assert_eq!(socket.told(1).await, ["SYSTEM: ended"]);

    let never = bench.start(json!({})).await;
    let long = bench.start(json!({ "ChatDurationInMinutes": 60 })).await;
    let (mut socket, _) = bench.join(&long).await;
    bench.events().await;
    bench.clock.advance(Duration::seconds(300));
    let ended = async |contact: &Value| {
        loop {
            let described = bench.describe(contact).await;
            if let Some(reason) = described["DisconnectReason"].as_str() {
                return reason.to_owned();
            }
            tokio::task::yield_now().await;
        }
    };
    assert_eq!(ended(&never["ContactId"]).await, "CUSTOMER_CONNECTION_NOT_ESTABLISHED");
    assert!(bench.describe(&long["ContactId"]).await.get("DisconnectReason").is_none());
    bench.clock.advance(Duration::minutes(55));
    assert_eq!(socket.told(1).await, ["SYSTEM: ended"]);
    assert_eq!(ended(&long["ContactId"]).await, "EXPIRED");
    assert_eq!(bench.event_types().await, ["DISCONNECTED", "DISCONNECTED"]);
}
