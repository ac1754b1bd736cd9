"""Calls every operation of the stand-ins for Connect and its Participant Service with boto3 and checks their raw
answers.

    python connect_conformance.py ENDPOINT [PARTICIPANT_ENDPOINT]
"""

import json
import sys
import time
import urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from shape_check import ShapeChecker, self_test

INSTANCE = "11111111-2222-3333-4444-555555555555"
CHAT_FLOW = "aaaaaaaa-0000-4000-8000-000000000001"
CALLBACK_FLOW = "aaaaaaaa-0000-4000-8000-000000000002"
QUEUE = "bbbbbbbb-0000-4000-8000-000000000001"
ENDPOINT = sys.argv[1]
PARTICIPANT_ENDPOINT = sys.argv[2] if len(sys.argv) > 2 else ENDPOINT
PATIENCE = 20

COVERED = {
    "StartChatContact", "StartOutboundVoiceContact", "StopContact", "DescribeContact", "CreateParticipantConnection",
    "SendMessage", "SendEvent", "GetTranscript", "DisconnectParticipant",
}

# The API's rate has an error that the service model has with other operations only.
checkers = [ShapeChecker(unmodelled_errors={"NotImplementedException", "TooManyRequestsException"}) for _ in range(2)]


def client(name, endpoint, checker):
    return checker.attach(boto3.client(
        name, region_name="us-east-1", endpoint_url=endpoint, config=Config(retries={"max_attempts": 0}),
        aws_access_key_id="AKIAEXAMPLE", aws_secret_access_key="secret"))


connect = client("connect", ENDPOINT, checkers[0])
participant = client("connectparticipant", PARTICIPANT_ENDPOINT, checkers[1])


def control(method, path, body=None):
    request = urllib.request.Request(
        f"{ENDPOINT}/_local/connect/{path}", method=method,
        data=None if body is None else json.dumps(body).encode(), headers={"content-type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def refused(code, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error
        assert error.response["Error"]["Message"], error
        return
    raise AssertionError(f"{call.__name__} was not refused with {code}")


def check_the_checker():
    model = participant.meta.service_model.operation_model("GetTranscript")
    item = {"Id": "i", "Type": "MESSAGE", "ParticipantRole": "AGENT", "Content": "x"}
    self_test(model, {"InitialContactId": "c", "Transcript": [item]}, [
        {"Transcript": item},
        {"Transcript": [{**item, "Type": "SHOUT"}]},
        {"Transcript": [{**item, "InitialContactId": "c"}]},
    ])


def chat(**changes):
    return {
        "InstanceId": INSTANCE, "ContactFlowId": CHAT_FLOW, "ParticipantDetails": {"DisplayName": "Ann"}, **changes}


def contacts():
    started = connect.start_chat_contact(**chat(
        Attributes={"language": "en"}, ClientToken="t", RelatedContactId="v1", ChatDurationInMinutes=60,
        InitialMessage={"ContentType": "text/plain", "Content": "my order"},
        SupportedMessagingContentTypes=["text/plain", "text/markdown"], CustomerId="c1",
        ConnectionTypes=["WEBSOCKET", "CONNECTION_CREDENTIALS"]))
    assert started["Websocket"]["Url"].startswith("ws"), started
    assert started["ConnectionCredentials"]["ConnectionToken"], started
    again = connect.start_chat_contact(**chat(ClientToken="t"))
    assert again["ContactId"] == started["ContactId"] and "Websocket" not in again, again
    refused("ResourceNotFoundException", connect.start_chat_contact, **chat(ContactFlowId="none"))
    refused("InvalidParameterException", connect.start_chat_contact, **chat(Attributes={"a b": "c"}))
    refused("InvalidRequestException", connect.start_chat_contact, **chat(
        RelatedContactId="v1", PersistentChat={"SourceContactId": "c"}))
    refused("NotImplementedException", connect.start_chat_contact, **chat(PersistentChat={"SourceContactId": "c"}))
    control("POST", "settings", {"maxActiveChats": 1})
    refused("LimitExceededException", connect.start_chat_contact, **chat())
    control("POST", "settings", {"maxActiveChats": 500, "rates": True, "burst": 1, "ratePerSecond": 0.001})
    connect.start_chat_contact(**chat())
    refused("TooManyRequestsException", connect.start_chat_contact, **chat())
    control("POST", "settings", {"rates": False})
    described = connect.describe_contact(InstanceId=INSTANCE, ContactId=started["ContactId"])["Contact"]
    assert (described["Channel"], described["Attributes"]) == ("CHAT", {"language": "en"}), described
    refused("ResourceNotFoundException", connect.describe_contact, InstanceId=INSTANCE, ContactId="none")

    control("POST", "contacts", {"id": "v1", "customer": "+12065550123", "state": "agent"})
    described = connect.describe_contact(InstanceId=INSTANCE, ContactId="v1")["Contact"]
    assert described["QueueInfo"]["Id"] == QUEUE and described["AgentInfo"]["Id"], described
    connect.stop_contact(InstanceId=INSTANCE, ContactId="v1")
    refused("ContactNotFoundException", connect.stop_contact, InstanceId=INSTANCE, ContactId="v1")
    refused("ResourceNotFoundException", connect.stop_contact, InstanceId="none", ContactId="v1")
    described = connect.describe_contact(InstanceId=INSTANCE, ContactId="v1")["Contact"]
    assert described["DisconnectTimestamp"] >= described["InitiationTimestamp"], described

    call = {"InstanceId": INSTANCE, "ContactFlowId": CALLBACK_FLOW, "DestinationPhoneNumber": "+12065550123",
            "QueueId": QUEUE, "ClientToken": "c", "Attributes": {"a": "b"}, "RelatedContactId": "v1"}
    made = connect.start_outbound_voice_contact(**call)
    assert connect.start_outbound_voice_contact(**call)["ContactId"] == made["ContactId"]
    refused("DestinationNotAllowedException", connect.start_outbound_voice_contact,
            **{**call, "DestinationPhoneNumber": "+447700900123"})
    refused("InvalidParameterException", connect.start_outbound_voice_contact, **{**call, "DestinationPhoneNumber": "1"})
    control("POST", "settings", {"outbound": False})
    refused("OutboundContactNotPermittedException", connect.start_outbound_voice_contact, **call)
    control("POST", "settings", {"outbound": True})
    assert [entry["id"] for entry in control("GET", "calls")["calls"]] == [made["ContactId"]]
    return started


def eventually(what, found):
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        value = found()
        if value:
            return value
    raise AssertionError(f"no {what}")


def chats(started):
    token = started["ParticipantToken"]
    both = participant.create_participant_connection(
        Type=["WEBSOCKET", "CONNECTION_CREDENTIALS"], ParticipantToken=token)
    assert both["Websocket"]["ConnectionExpiry"] and both["ConnectionCredentials"]["Expiry"], both
    # Who uses no WebSocket is connected this way.
    participant.create_participant_connection(
        Type=["CONNECTION_CREDENTIALS"], ParticipantToken=token, ConnectParticipant=True)
    connection = {"ConnectionToken": both["ConnectionCredentials"]["ConnectionToken"]}

    def transcript(**asked):
        return participant.get_transcript(SortOrder="ASCENDING", MaxResults=100, **asked, **connection)["Transcript"]

    def said(text):
        return lambda: [item for item in transcript() if text in item.get("Content", "")]

    eventually("answer to the first message", said("I understood: “my order”"))
    kinds = [item["ContentType"].rsplit(".")[-1] for item in transcript()]
    assert kinds[:3] == ["joined", "text/plain", "joined"], kinds
    sent = participant.send_message(ContentType="text/markdown", Content="**late**", ClientToken="m", **connection)
    again = participant.send_message(ContentType="text/markdown", Content="**late**", ClientToken="m", **connection)
    assert sent["Id"] == again["Id"], again
    answer = eventually("answer", said("“**late**”"))[0]
    event = "application/vnd.amazonaws.connect.event."
    participant.send_event(ContentType=event + "typing", **connection)
    content = json.dumps({"messageId": answer["Id"]})
    participant.send_event(ContentType=event + "message.delivered", Content=content, **connection)
    participant.send_event(ContentType=event + "message.read", Content=content, **connection)
    item = next(item for item in transcript() if item["Id"] == answer["Id"])
    receipt = item["MessageMetadata"]["Receipts"][0]
    assert receipt["DeliveredTimestamp"] and receipt["ReadTimestamp"], item
    assert receipt["RecipientParticipantId"] == started["ParticipantId"], item
    page = participant.get_transcript(MaxResults=2, **connection)
    rest = participant.get_transcript(MaxResults=100, NextToken=page["NextToken"], **connection)
    assert len(page["Transcript"]) == 2 and "NextToken" not in rest, rest
    assert len(page["Transcript"]) + len(rest["Transcript"]) == len(transcript()), rest
    onwards = transcript(StartPosition={"AbsoluteTime": answer["AbsoluteTime"]})
    assert onwards[0]["Id"] == answer["Id"], onwards
    refused("ValidationException", participant.get_transcript, NextToken="forged", **connection)
    refused("ValidationException", participant.send_message, ContentType="text/html", Content="x", **connection)
    refused("ValidationException", participant.send_event, ContentType=event + "chat.ended", **connection)
    refused("ValidationException", participant.create_participant_connection, Type=["WEBRTC_CONNECTION"],
            ParticipantToken=token)
    participant.disconnect_participant(**connection)
    refused("AccessDeniedException", participant.disconnect_participant, **connection)
    refused("AccessDeniedException", participant.send_message, ContentType="text/plain", Content="x", **connection)
    refused("AccessDeniedException", participant.send_event, ContentType=event + "typing", **connection)
    refused("AccessDeniedException", participant.get_transcript, **connection)
    refused("AccessDeniedException", participant.create_participant_connection, Type=["WEBSOCKET"],
            ParticipantToken=token)


check_the_checker()
chats(contacts())
faults = [fault for checker in checkers for fault in checker.faults]
assert not faults, "\n".join(faults)
operations = set().union(*(checker.operations for checker in checkers))
assert operations == COVERED, operations ^ COVERED
print(f"{len(operations)} operations, {sum(len(checker.errors) for checker in checkers)} errors")
