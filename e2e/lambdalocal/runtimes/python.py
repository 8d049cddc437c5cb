"""A runtime for Lambda functions in Python: python3 python.py FILE FUNCTION

It asks the Runtime API for events, one after the other, and posts what the handler returns:
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import decimal
import http.client
import importlib
import json
import logging
import os
import sys
import time
import traceback
import types

PREFIX = "/2018-06-01/runtime"


def call(method, path, value=None):
    """Returns the headers and the body of the Runtime API's answer, however long an event is away."""
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    try:
        connection.request(method, PREFIX + path, body=value, headers={"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.headers, response.read()
    finally:
        connection.close()


def number(value):
    """Makes a float of a Decimal, as AWS's runtime does, so that items of DynamoDB can be returned."""
    if isinstance(value, decimal.Decimal):
        return float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def marshal(value):
    """Returns the reply as JSON. Text stays as it is; half of a surrogate pair has no UTF-8 and is escaped."""
    try:
        return json.dumps(value, ensure_ascii=False, default=number).encode()
    except UnicodeEncodeError:
        return json.dumps(value, default=number).encode()


def failure(error):
    """Describes an error as AWS's runtime does, without the frames of this file."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != __file__]
    return json.dumps({
        "errorMessage": str(error),
        "errorType": type(error).__name__,
        "stackTrace": traceback.format_list(frames),
    }).encode()


def load(file, name):
    """Returns the handler. Its module may import what lies in the task's folder, and what lies beside it in packages."""
    root = os.environ["LAMBDA_TASK_ROOT"]
    sys.path[0] = root
    module = os.path.splitext(os.path.relpath(file, root))[0].replace(os.sep, ".")
    handler = getattr(importlib.import_module(module), name, None)
    if not callable(handler):
        raise AttributeError(f"{file} has no function {name}")
    return handler


def context_of(headers):
    deadline = int(headers["Lambda-Runtime-Deadline-Ms"])
    client = json.loads(headers.get("Lambda-Runtime-Client-Context") or "null")
    return types.SimpleNamespace(
        aws_request_id=headers["Lambda-Runtime-Aws-Request-Id"],
        client_context=client and types.SimpleNamespace(
            custom=client.get("custom"), env=client.get("env"), client=client.get("client")),
        function_name=os.environ["AWS_LAMBDA_FUNCTION_NAME"],
        function_version=os.environ["AWS_LAMBDA_FUNCTION_VERSION"],
        get_remaining_time_in_millis=lambda: max(0, deadline - int(time.time() * 1000)),
        identity=types.SimpleNamespace(cognito_identity_id=None, cognito_identity_pool_id=None),
        invoked_function_arn=headers["Lambda-Runtime-Invoked-Function-Arn"],
        log_group_name=os.environ["AWS_LAMBDA_LOG_GROUP_NAME"],
        log_stream_name=os.environ["AWS_LAMBDA_LOG_STREAM_NAME"],
        memory_limit_in_mb=os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"],
        tenant_id=headers.get("Lambda-Runtime-Aws-Tenant-Id"),
    )


def start():
    # As in Lambda, the root logger has a handler before the function's module is imported.
    logging.basicConfig(format="[%(levelname)s]\t%(message)s")
    try:
        return load(sys.argv[1], sys.argv[2])
    except Exception as error:
        traceback.print_exc()
        call("POST", "/init/error", failure(error))
        sys.exit(1)


def answer(handler, headers, event):
    """Returns the path below the invocation's, and what to post there."""
    try:
        return "/response", marshal(handler(json.loads(event), context_of(headers)))
    except Exception as error:
        traceback.print_exc()
        return "/error", failure(error)


def main():
    handler = start()
    while True:
        headers, event = call("GET", "/invocation/next")
        os.environ["_X_AMZN_TRACE_ID"] = headers.get("Lambda-Runtime-Trace-Id", "")
        path, body = answer(handler, headers, event)
        call("POST", "/invocation/" + headers["Lambda-Runtime-Aws-Request-Id"] + path, body)


main()
