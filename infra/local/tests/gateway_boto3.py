"""boto3 against the local cloud, configured by AWS_ENDPOINT_URL only."""

import io
import os
import urllib.request

import boto3
from boto3.s3.transfer import TransferConfig

session = boto3.Session("test", "test", region_name="us-east-1")


def s3():
    client = session.client("s3")
    client.create_bucket(Bucket="boto3-test")
    content = os.urandom(12 * 1024 * 1024)
    parts = TransferConfig(multipart_threshold=5 * 1024 * 1024, multipart_chunksize=5 * 1024 * 1024)
    client.upload_fileobj(io.BytesIO(content), "boto3-test", "a folder/ü", Config=parts)
    downloaded = io.BytesIO()
    client.download_fileobj("boto3-test", "a folder/ü", downloaded)
    assert downloaded.getvalue() == content
    url = client.generate_presigned_url("get_object", {"Bucket": "boto3-test", "Key": "a folder/ü"})
    assert url.startswith(os.environ["AWS_ENDPOINT_URL"]), url
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == content


def sqs():
    client = session.client("sqs")
    url = client.create_queue(QueueName="boto3-test")["QueueUrl"]
    entries = [{"Id": str(n), "MessageBody": f"message {n}"} for n in range(10)]
    assert len(client.send_message_batch(QueueUrl=url, Entries=entries)["Successful"]) == 10
    received = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert sorted(message["Body"] for message in received) == sorted(entry["MessageBody"] for entry in entries)


def dynamodb():
    table = session.resource("dynamodb").create_table(
        TableName="boto3-test",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
    )
    table.put_item(Item={"pk": "1", "n": 2})
    assert table.get_item(Key={"pk": "1"})["Item"]["n"] == 2
    try:
        table.put_item(Item={"pk": "1"}, ConditionExpression="attribute_not_exists(pk)")
    except table.meta.client.exceptions.ConditionalCheckFailedException:
        return
    raise AssertionError("a condition that does not hold was not refused")


def others():
    assert session.client("sts").get_caller_identity()["Account"] == "111122223333"
    assert session.client("lambda").list_functions()["Functions"] == []
    assert len(session.client("detective").list_graphs()["GraphList"]) == 1


s3()
sqs()
dynamodb()
others()
