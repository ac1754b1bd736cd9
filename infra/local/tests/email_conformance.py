"""Calls every operation of the SES stand-in with boto3 and checks its raw answers.

    python email_conformance.py ENDPOINT
"""

import json
import sys
import urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from shape_check import ShapeChecker, self_test

ACCOUNT = "111122223333"
BUS = f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/default"
ENDPOINT = sys.argv[1]

COVERED = {
    "SendEmail", "GetAccount", "PutAccountSendingAttributes", "PutAccountSuppressionAttributes",
    "CreateEmailIdentity", "GetEmailIdentity", "ListEmailIdentities", "DeleteEmailIdentity",
    "CreateConfigurationSet", "GetConfigurationSet", "ListConfigurationSets", "DeleteConfigurationSet",
    "CreateConfigurationSetEventDestination", "GetConfigurationSetEventDestinations",
    "UpdateConfigurationSetEventDestination", "DeleteConfigurationSetEventDestination",
    "CreateContactList", "GetContactList", "ListContactLists", "UpdateContactList", "DeleteContactList",
    "CreateContact", "GetContact", "ListContacts", "UpdateContact", "DeleteContact",
    "PutSuppressedDestination", "GetSuppressedDestination", "ListSuppressedDestinations", "DeleteSuppressedDestination",
}

checker = ShapeChecker(unmodelled_errors={"NotImplementedException"})


def control(method, path, body=None):
    request = urllib.request.Request(
        f"{ENDPOINT}/_local/email/{path}", method=method,
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


def check_the_checker(ses):
    model = ses.meta.service_model.operation_model("GetAccount")
    quota = {"Max24HourSend": 5.0, "MaxSendRate": 1.0, "SentLast24Hours": 0.0}
    self_test(model, {"SendQuota": quota, "SendingEnabled": True}, [
        {"SendQuota": {**quota, "MaxSendRate": "1"}},
        {"SendQuotas": quota},
        {"SuppressionAttributes": {"SuppressedReasons": ["SPAM"]}},
    ])


def identities(ses):
    created = ses.create_email_identity(EmailIdentity="shop.test", Tags=[{"Key": "team", "Value": "red"}])
    assert (created["IdentityType"], created["VerifiedForSendingStatus"]) == ("DOMAIN", True), created
    assert len(created["DkimAttributes"]["Tokens"]) == 3, created
    refused("AlreadyExistsException", ses.create_email_identity, EmailIdentity="Shop.test")
    refused("BadRequestException", ses.create_email_identity, EmailIdentity="a b")
    refused("NotFoundException", ses.create_email_identity, EmailIdentity="x.test", ConfigurationSetName="none")
    got = ses.get_email_identity(EmailIdentity="shop.test")
    assert (got["VerificationStatus"], got["Tags"]) == ("SUCCESS", [{"Key": "team", "Value": "red"}]), got
    control("POST", "settings", {"verifyIdentities": False})
    ses.create_email_identity(EmailIdentity="ann@pending.test")
    control("POST", "settings", {"verifyIdentities": True})
    pending = ses.list_email_identities(Filter={"VERIFICATION_STATUS": "PENDING"})["EmailIdentities"]
    assert [identity["IdentityName"] for identity in pending] == ["ann@pending.test"], pending
    first = ses.list_email_identities(PageSize=1)
    rest = ses.list_email_identities(PageSize=5, NextToken=first["NextToken"])
    assert len(first["EmailIdentities"]) + len(rest["EmailIdentities"]) == 3, (first, rest)
    refused("BadRequestException", ses.list_email_identities, NextToken="forged")
    ses.delete_email_identity(EmailIdentity="ann@pending.test")
    refused("NotFoundException", ses.get_email_identity, EmailIdentity="ann@pending.test")
    refused("NotFoundException", ses.delete_email_identity, EmailIdentity="ann@pending.test")


def destination(*types, bus=BUS):
    return {"Enabled": True, "MatchingEventTypes": list(types), "EventBridgeDestination": {"EventBusArn": bus}}


def configuration_sets(ses):
    ses.create_configuration_set(
        ConfigurationSetName="all", SendingOptions={"SendingEnabled": True},
        SuppressionOptions={"SuppressedReasons": ["BOUNCE"]}, Tags=[{"Key": "team", "Value": "red"}])
    refused("AlreadyExistsException", ses.create_configuration_set, ConfigurationSetName="all")
    refused("BadRequestException", ses.create_configuration_set, ConfigurationSetName="a b")
    got = ses.get_configuration_set(ConfigurationSetName="all")
    assert got["SuppressionOptions"] == {"SuppressedReasons": ["BOUNCE"]}, got
    assert ses.list_configuration_sets()["ConfigurationSets"] == ["all"]
    name = {"ConfigurationSetName": "all", "EventDestinationName": "bus"}
    ses.create_configuration_set_event_destination(**name, EventDestination=destination("SEND"))
    refused("AlreadyExistsException", ses.create_configuration_set_event_destination, **name,
            EventDestination=destination("SEND"))
    refused("BadRequestException", ses.create_configuration_set_event_destination, ConfigurationSetName="all",
            EventDestinationName="other", EventDestination=destination("SEND", bus=BUS.replace("default", "own")))
    refused("NotFoundException", ses.create_configuration_set_event_destination, ConfigurationSetName="none",
            EventDestinationName="other", EventDestination=destination("SEND"))
    ses.update_configuration_set_event_destination(**name, EventDestination=destination("SEND", "BOUNCE", "DELIVERY"))
    got = ses.get_configuration_set_event_destinations(ConfigurationSetName="all")["EventDestinations"]
    assert got[0]["MatchingEventTypes"] == ["SEND", "BOUNCE", "DELIVERY"], got
    refused("NotFoundException", ses.update_configuration_set_event_destination, ConfigurationSetName="all",
            EventDestinationName="none", EventDestination=destination("SEND"))
    ses.create_configuration_set(ConfigurationSetName="gone")
    ses.delete_configuration_set(ConfigurationSetName="gone")
    refused("NotFoundException", ses.delete_configuration_set, ConfigurationSetName="gone")
    refused("NotFoundException", ses.get_configuration_set, ConfigurationSetName="gone")


def topic(name, status="OPT_IN"):
    return {"TopicName": name, "DisplayName": name.title(), "Description": "d", "DefaultSubscriptionStatus": status}


def contacts(ses):
    ses.create_contact_list(ContactListName="main", Description="d", Topics=[topic("sales")])
    refused("AlreadyExistsException", ses.create_contact_list, ContactListName="main")
    refused("LimitExceededException", ses.create_contact_list, ContactListName="second")
    ses.update_contact_list(ContactListName="main", Topics=[topic("sales"), topic("news", "OPT_OUT")])
    got = ses.get_contact_list(ContactListName="main")
    assert [entry["TopicName"] for entry in got["Topics"]] == ["sales", "news"], got
    assert [entry["ContactListName"] for entry in ses.list_contact_lists()["ContactLists"]] == ["main"]
    sales = [{"TopicName": "sales", "SubscriptionStatus": "OPT_OUT"}]
    ses.create_contact(ContactListName="main", EmailAddress="ann+a@customer.test", TopicPreferences=sales,
                       AttributesData='{"name":"Ann"}')
    refused("AlreadyExistsException", ses.create_contact, ContactListName="main", EmailAddress="Ann+a@customer.test")
    refused("BadRequestException", ses.create_contact, ContactListName="main", EmailAddress="nobody")
    refused("NotFoundException", ses.create_contact, ContactListName="none", EmailAddress="a@b.test")
    got = ses.get_contact(ContactListName="main", EmailAddress="ann+a@customer.test")
    assert (got["TopicPreferences"], got["UnsubscribeAll"]) == (sales, False), got
    assert got["TopicDefaultPreferences"] == [{"TopicName": "news", "SubscriptionStatus": "OPT_OUT"}], got
    ses.update_contact(ContactListName="main", EmailAddress="ann+a@customer.test", UnsubscribeAll=True)
    out = ses.list_contacts(ContactListName="main", Filter={"FilteredStatus": "OPT_OUT"})["Contacts"]
    assert [contact["EmailAddress"] for contact in out] == ["ann+a@customer.test"], out
    ses.delete_contact(ContactListName="main", EmailAddress="ann+a@customer.test")
    for operation in (ses.get_contact, ses.delete_contact, ses.update_contact):
        refused("NotFoundException", operation, ContactListName="main", EmailAddress="ann+a@customer.test")


def suppression(ses):
    for number in range(3):
        ses.put_suppressed_destination(EmailAddress=f"s{number}@customer.test", Reason="COMPLAINT")
    got = ses.get_suppressed_destination(EmailAddress="s0@customer.test")["SuppressedDestination"]
    assert got["Reason"] == "COMPLAINT", got
    listed, token = [], {}
    while token is not None:
        page = ses.list_suppressed_destinations(
            Reasons=["COMPLAINT"], StartDate=got["LastUpdateTime"].replace(microsecond=0), PageSize=2, **token)
        listed += page["SuppressedDestinationSummaries"]
        token = {"NextToken": page["NextToken"]} if page.get("NextToken") else None
    assert len(listed) == 3, listed
    assert ses.list_suppressed_destinations(Reasons=["BOUNCE"])["SuppressedDestinationSummaries"] == []
    refused("InvalidNextTokenException", ses.list_suppressed_destinations, NextToken="forged")
    refused("BadRequestException", ses.put_suppressed_destination, EmailAddress="x", Reason="BOUNCE")
    ses.delete_suppressed_destination(EmailAddress="s0@customer.test")
    refused("NotFoundException", ses.delete_suppressed_destination, EmailAddress="s0@customer.test")
    refused("NotFoundException", ses.get_suppressed_destination, EmailAddress="s0@customer.test")


def letter(**changes):
    return {
        "FromEmailAddress": "hello@shop.test", "Destination": {"ToAddresses": ["ann@customer.test"]},
        "Content": {"Simple": {
            "Subject": {"Data": "Sale", "Charset": "UTF-8"}, "Body": {"Html": {"Data": "<p>é</p>", "Charset": "UTF-8"}},
            "Headers": [{"Name": "X-Campaign", "Value": "c"}],
        }},
        **changes,
    }


def sending(ses):
    raw = b"From: hello@shop.test\r\nTo: ann@customer.test\r\nSubject: Raw\r\n\r\nhello\r\n"
    ids = {
        ses.send_email(**letter(ConfigurationSetName="all", EmailTags=[{"Name": "ledger", "Value": "1"}]))["MessageId"],
        ses.send_email(**letter(ListManagementOptions={"ContactListName": "main", "TopicName": "sales"}))["MessageId"],
        ses.send_email(Content={"Raw": {"Data": raw}})["MessageId"],
    }
    assert len(ids) == 3 and all(len(message_id) == 60 for message_id in ids), ids
    refused("MessageRejected", ses.send_email, **letter(FromEmailAddress="a@elsewhere.test"))
    refused("NotFoundException", ses.send_email, **letter(ConfigurationSetName="none"))
    refused("NotFoundException", ses.send_email, **letter(ListManagementOptions={"ContactListName": "none"}))
    refused("BadRequestException", ses.send_email, **letter(EmailTags=[{"Name": "a b", "Value": "1"}]))
    refused("NotImplementedException", ses.send_email, **letter(Content={"Template": {"TemplateName": "t"}}))
    control("POST", "settings", {"maxSendRate": 1, "max24HourSend": 1000})
    ses.send_email(**letter(Destination={"ToAddresses": [f"a{n}@customer.test" for n in range(9)]}))
    refused("TooManyRequestsException", ses.send_email, **letter())
    control("POST", "settings", {"maxSendRate": 100, "max24HourSend": 1})
    refused("LimitExceededException", ses.send_email, **letter())
    control("POST", "settings", {"max24HourSend": 50000})
    account = ses.get_account()
    assert account["SendQuota"] == {"Max24HourSend": 50000.0, "MaxSendRate": 100.0, "SentLast24Hours": 12.0}, account
    ses.put_account_suppression_attributes(SuppressedReasons=["BOUNCE"])
    ses.put_account_sending_attributes(SendingEnabled=False)
    refused("SendingPausedException", ses.send_email, **letter())
    account = ses.get_account()
    assert (account["SendingEnabled"], account["SuppressionAttributes"]) == (False, {"SuppressedReasons": ["BOUNCE"]})


def clean_up(ses):
    ses.delete_configuration_set_event_destination(ConfigurationSetName="all", EventDestinationName="bus")
    refused("NotFoundException", ses.delete_configuration_set_event_destination, ConfigurationSetName="all",
            EventDestinationName="bus")
    ses.delete_contact_list(ContactListName="main")
    for operation in (ses.delete_contact_list, ses.get_contact_list, ses.update_contact_list, ses.list_contacts):
        refused("NotFoundException", operation, ContactListName="main")


ses = checker.attach(boto3.client(
    "sesv2", region_name="us-east-1", endpoint_url=ENDPOINT, config=Config(retries={"max_attempts": 0}),
    aws_access_key_id="AKIAEXAMPLE", aws_secret_access_key="secret"))
check_the_checker(ses)
for part in (identities, configuration_sets, contacts, suppression, sending, clean_up):
    part(ses)
assert not checker.faults, "\n".join(checker.faults)
assert checker.operations == COVERED, checker.operations ^ COVERED
print(f"{len(checker.operations)} operations, {len(checker.errors)} errors")
