"""Calls every operation of the SMS stand-in with boto3 and checks its raw answers.

    python sms_conformance.py ENDPOINT
"""

import json
import sys
import urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from shape_check import ShapeChecker, self_test

ENDPOINT = sys.argv[1]
NUMBER = "+12065550100"

COVERED = {
    "SendTextMessage",
    "RequestPhoneNumber", "DescribePhoneNumbers", "ReleasePhoneNumber",
    "RequestSenderId", "DescribeSenderIds", "ReleaseSenderId",
    "CreatePool", "DescribePools", "DeletePool", "AssociateOriginationIdentity",
    "CreateOptOutList", "DescribeOptOutLists", "DeleteOptOutList",
    "PutOptedOutNumber", "DescribeOptedOutNumbers", "DeleteOptedOutNumber",
    "CreateConfigurationSet", "DescribeConfigurationSets", "DeleteConfigurationSet",
    "CreateEventDestination", "UpdateEventDestination", "DeleteEventDestination",
    "DescribeAccountAttributes", "DescribeSpendLimits",
    "SetTextMessageSpendLimitOverride", "DeleteTextMessageSpendLimitOverride",
}

checker = ShapeChecker(unmodelled_errors={"UnknownOperationException"})


def control(method, path, body=None):
    request = urllib.request.Request(
        f"{ENDPOINT}/_local/sms/{path}", method=method,
        data=None if body is None else json.dumps(body).encode(), headers={"content-type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def refused(code, reason, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error
        assert error.response["Error"]["Message"], error
        assert error.response.get("Reason") == reason, error.response
        return
    raise AssertionError(f"{call.__name__} was not refused with {code}")


def check_the_checker(sms):
    model = sms.meta.service_model.operation_model("DescribeSpendLimits")
    limit = {"Name": "TEXT_MESSAGE_MONTHLY_SPEND_LIMIT", "EnforcedLimit": 1, "MaxLimit": 2, "Overridden": False}
    self_test(model, {"SpendLimits": [limit]}, [
        {"SpendLimits": [{**limit, "EnforcedLimit": 1.5}]},
        {"SpendLimits": [{**limit, "Name": "TEXT"}]},
        {"SpendLimits": [{key: value for key, value in limit.items() if key != "Overridden"}]},
    ])


def identities(sms):
    requested = sms.request_phone_number(
        IsoCountryCode="US", MessageType="PROMOTIONAL", NumberCapabilities=["SMS"], NumberType="TOLL_FREE",
        DeletionProtectionEnabled=False, ClientToken="one")
    refused("ValidationException", "COUNTRY_NOT_ENABLED", sms.request_phone_number, IsoCountryCode="ZZ",
            MessageType="PROMOTIONAL", NumberCapabilities=["SMS"], NumberType="TOLL_FREE")
    refused("ResourceNotFoundException", None, sms.request_phone_number, IsoCountryCode="US",
            MessageType="PROMOTIONAL", NumberCapabilities=["SMS"], NumberType="TOLL_FREE", OptOutListName="none")
    described = sms.describe_phone_numbers(PhoneNumberIds=[requested["PhoneNumberArn"]])["PhoneNumbers"]
    assert [number["PhoneNumber"] for number in described] == [requested["PhoneNumber"]], described
    assert len(sms.describe_phone_numbers(Filters=[{"Name": "iso-country-code", "Values": ["US"]}])["PhoneNumbers"]) == 2
    refused("ResourceNotFoundException", None, sms.describe_phone_numbers, PhoneNumberIds=["phone-none"])
    refused("ValidationException", "INVALID_NEXT_TOKEN", sms.describe_phone_numbers, NextToken="forged")

    pool = sms.create_pool(OriginationIdentity=requested["PhoneNumberId"], MessageType="PROMOTIONAL")
    refused("ConflictException", "PHONE_NUMBER_ASSOCIATED_TO_POOL", sms.create_pool,
            OriginationIdentity=requested["PhoneNumberId"], MessageType="PROMOTIONAL")
    sms.associate_origination_identity(PoolId=pool["PoolId"], OriginationIdentity="EVENTIDE", IsoCountryCode="DE")
    assert len(sms.describe_pools(PoolIds=[pool["PoolArn"]])["Pools"]) == 1
    refused("ResourceNotFoundException", None, sms.describe_pools, PoolIds=["pool-none"])
    refused("ConflictException", "PHONE_NUMBER_ASSOCIATED_TO_POOL", sms.release_phone_number,
            PhoneNumberId=requested["PhoneNumberId"])
    sms.send_text_message(DestinationPhoneNumber="+12065550123", OriginationIdentity=pool["PoolArn"], MessageBody="b")
    sms.delete_pool(PoolId=pool["PoolId"])
    assert sms.release_phone_number(PhoneNumberId=requested["PhoneNumberId"])["Status"] == "DELETED"

    sender = sms.request_sender_id(SenderId="SHOP", IsoCountryCode="FR", MessageTypes=["PROMOTIONAL"])
    refused("ConflictException", "RESOURCE_ALREADY_EXISTS", sms.request_sender_id, SenderId="SHOP", IsoCountryCode="FR")
    refused("ValidationException", "SENDER_ID_NOT_SUPPORTED", sms.request_sender_id, SenderId="SHOP", IsoCountryCode="US")
    described = sms.describe_sender_ids(SenderIds=[{"SenderId": "SHOP", "IsoCountryCode": "FR"}])["SenderIds"]
    assert described[0]["SenderIdArn"] == sender["SenderIdArn"], described
    for identity in ("SHOP", sender["SenderIdArn"]):
        sms.send_text_message(DestinationPhoneNumber="+33612345678", OriginationIdentity=identity, MessageBody="b")
    sms.release_sender_id(SenderId="SHOP", IsoCountryCode="FR")
    refused("ResourceNotFoundException", None, sms.release_sender_id, SenderId="SHOP", IsoCountryCode="FR")


def opt_outs(sms):
    created = sms.create_opt_out_list(OptOutListName="own", Tags=[{"Key": "team", "Value": "red"}])
    refused("ConflictException", "RESOURCE_ALREADY_EXISTS", sms.create_opt_out_list, OptOutListName="own")
    assert len(sms.describe_opt_out_lists()["OptOutLists"]) == 2
    refused("ResourceNotFoundException", None, sms.describe_opt_out_lists, OptOutListNames=["none"])
    for name in ("own", created["OptOutListArn"]):
        put = sms.put_opted_out_number(OptOutListName=name, OptedOutNumber="+12065550124")
        assert (put["OptOutListName"], put["EndUserOptedOut"]) == ("own", False), put
    listed = sms.describe_opted_out_numbers(OptOutListName="own", OptedOutNumbers=["+12065550124"])
    assert len(listed["OptedOutNumbers"]) == 1, listed
    by_recipients = [{"Name": "end-user-opted-out", "Values": ["true"]}]
    assert sms.describe_opted_out_numbers(OptOutListName="own", Filters=by_recipients)["OptedOutNumbers"] == []
    refused("ResourceNotFoundException", None, sms.describe_opted_out_numbers, OptOutListName="own",
            OptedOutNumbers=["+12065550199"])
    sms.delete_opted_out_number(OptOutListName="own", OptedOutNumber="+12065550124")
    refused("ResourceNotFoundException", None, sms.delete_opted_out_number, OptOutListName="own",
            OptedOutNumber="+12065550124")
    refused("ValidationException", "FIELD_VALIDATION_FAILED", sms.put_opted_out_number, OptOutListName="own",
            OptedOutNumber="abc")
    sms.delete_opt_out_list(OptOutListName="own")
    refused("ConflictException", "RESOURCE_NOT_EMPTY", sms.delete_opt_out_list, OptOutListName="Default")


def configuration_sets(sms):
    created = sms.create_configuration_set(ConfigurationSetName="set", Tags=[{"Key": "team", "Value": "red"}])
    refused("ConflictException", "RESOURCE_ALREADY_EXISTS", sms.create_configuration_set, ConfigurationSetName="set")
    name = {"ConfigurationSetName": created["ConfigurationSetArn"], "EventDestinationName": "topic"}
    topic = {"TopicArn": "arn:aws:sns:us-east-1:111122223333:t"}
    sms.create_event_destination(**name, MatchingEventTypes=["TEXT_ALL"], SnsDestination=topic)
    refused("ConflictException", "RESOURCE_ALREADY_EXISTS", sms.create_event_destination, **name,
            MatchingEventTypes=["TEXT_ALL"], SnsDestination=topic)
    refused("ValidationException", "MISSING_PARAMETER", sms.create_event_destination, ConfigurationSetName="set",
            EventDestinationName="none", MatchingEventTypes=["TEXT_ALL"])
    updated = sms.update_event_destination(**name, Enabled=False, MatchingEventTypes=["TEXT_DELIVERED"])
    assert updated["EventDestination"]["Enabled"] is False, updated
    described = sms.describe_configuration_sets(ConfigurationSetNames=["set"])["ConfigurationSets"]
    assert described[0]["EventDestinations"][0]["MatchingEventTypes"] == ["TEXT_DELIVERED"], described
    send = {"DestinationPhoneNumber": "+12065550123", "OriginationIdentity": NUMBER, "MessageBody": "b"}
    sms.send_text_message(**send, ConfigurationSetName="set")
    sms.delete_event_destination(**name)
    refused("ResourceNotFoundException", None, sms.delete_event_destination, **name)
    sms.delete_configuration_set(ConfigurationSetName="set")
    refused("ResourceNotFoundException", None, sms.delete_configuration_set, ConfigurationSetName="set")
    refused("ResourceNotFoundException", None, sms.send_text_message, **send, ConfigurationSetName="set")


def sending(sms):
    send = {"DestinationPhoneNumber": "+12065550123", "OriginationIdentity": NUMBER, "MessageBody": "b"}
    sent = sms.send_text_message(
        **send, MessageType="PROMOTIONAL", MaxPrice="0.10", TimeToLive=3600, Context={"ledger": "1"})
    assert len(sent["MessageId"]) == 36, sent
    assert sms.send_text_message(**send, DryRun=True)["MessageId"] != sent["MessageId"]
    refused("ValidationException", "FIELD_VALIDATION_FAILED", sms.send_text_message, **{**send, "MessageBody": " "})
    refused("ValidationException", "PRICE_OVER_THRESHOLD", sms.send_text_message, **send, MaxPrice=".001")
    refused("ResourceNotFoundException", None, sms.send_text_message, **{**send, "OriginationIdentity": "NOBODY"})
    control("POST", "inbound", {"from": "+12065550123", "body": "STOP"})
    refused("ConflictException", "DESTINATION_PHONE_NUMBER_OPTED_OUT", sms.send_text_message, **send)
    send["DestinationPhoneNumber"] = "+12065550124"
    assert sms.set_text_message_spend_limit_override(MonthlyLimit=0)["MonthlyLimit"] == 0
    refused("ServiceQuotaExceededException", "MONTHLY_SPEND_LIMIT_REACHED_FOR_TEXT", sms.send_text_message, **send)
    limits = {limit["Name"]: limit for limit in sms.describe_spend_limits()["SpendLimits"]}
    assert limits["TEXT_MESSAGE_MONTHLY_SPEND_LIMIT"]["Overridden"] is True, limits
    refused("ValidationException", "REQUESTED_SPEND_LIMIT_HIGHER_THAN_SERVICE_LIMIT",
            sms.set_text_message_spend_limit_override, MonthlyLimit=10**9)
    sms.delete_text_message_spend_limit_override()
    control("POST", "settings", {"partsPerSecond": 1})
    sms.send_text_message(**{**send, "MessageBody": "x" * 1500})
    refused("ThrottlingException", None, sms.send_text_message, **send)
    control("POST", "settings", {"partsPerSecond": 100})
    assert sms.describe_account_attributes()["AccountAttributes"] == [{"Name": "ACCOUNT_TIER", "Value": "PRODUCTION"}]
    refused("UnknownOperationException", None, sms.describe_keywords, OriginationIdentity=NUMBER)


sms = checker.attach(boto3.client(
    "pinpoint-sms-voice-v2", region_name="us-east-1", endpoint_url=ENDPOINT, config=Config(retries={"max_attempts": 0}),
    aws_access_key_id="AKIAEXAMPLE", aws_secret_access_key="secret"))
check_the_checker(sms)
for part in (identities, opt_outs, configuration_sets, sending):
    part(sms)
assert not checker.faults, "\n".join(checker.faults)
assert checker.operations == COVERED, checker.operations ^ COVERED
print(f"{len(checker.operations)} operations, {len(checker.errors)} errors")
