"""A custom executor over the v1 executor API, for tests: several tasks, no processes of its own.

A task runs until it is killed; one whose name begins with `short` finishes at once. A message is
told back with `echo ` in front; these do something: `env` answers with the environment as JSON,
`exit N` ends the process, `hush` makes it deaf to SHUTDOWN, `cut` breaks its connection and is
answered once it is back. It keeps what is not acknowledged, and says it again when it subscribes again.
"""

import base64
import http.client
import json
import os
import sys
import time
import uuid

FRAMEWORK = {"value": os.environ["MESOS_FRAMEWORK_ID"]}
EXECUTOR = {"value": os.environ["MESOS_EXECUTOR_ID"]}
ENDPOINT = os.environ["MESOS_AGENT_ENDPOINT"]
HEADERS = {"Content-Type": "application/json", "Accept": "application/json"}


class Executor:
    def __init__(self):
        self.tasks = {}
        self.updates = {}
        self.connection = None
        self.is_deaf = False
        self.answer_when_back = None

    def run(self):
        while True:
            try:
                self.listen()
            except (OSError, http.client.HTTPException, ValueError) as error:
                print("not connected:", repr(error), flush=True)
            if os.environ.get("MESOS_CHECKPOINT") != "1":
                sys.exit("the agent is gone, and nothing is checkpointed")
            time.sleep(0.1)

    def listen(self):
        self.connection = http.client.HTTPConnection(ENDPOINT, timeout=None)
        subscribe = {
            "unacknowledged_tasks": list(self.tasks.values()),
            "unacknowledged_updates": [{"status": status} for status in self.updates.values()],
        }
        body = json.dumps(dict(self.call("SUBSCRIBE"), subscribe=subscribe))
        self.connection.request("POST", "/api/v1/executor", body, HEADERS)
        response = self.connection.getresponse()
        if response.status != 200:
            raise ValueError(f"{response.status} {response.read()!r}")
        while True:
            self.hear(json.loads(self.record(response)))

    @staticmethod
    def record(response):
        length = b""
        while not length.endswith(b"\n"):
            byte = response.read(1)
            if not byte:
                raise ValueError("the stream has ended")
            length += byte
        return response.read(int(length))

    def hear(self, event):
        print("event", json.dumps(event), flush=True)
        kind = event["type"]
        if kind == "SUBSCRIBED" and self.answer_when_back:
            self.say(self.answer_when_back)
            self.answer_when_back = None
        elif kind == "LAUNCH":
            self.launch(event["launch"]["task"])
        elif kind == "KILL":
            self.update(event["kill"]["task_id"], "TASK_KILLED")
        elif kind == "ACKNOWLEDGED":
            self.updates.pop(event["acknowledged"]["uuid"], None)
            self.tasks.pop(event["acknowledged"]["task_id"]["value"], None)
        elif kind == "MESSAGE":
            self.message(base64.b64decode(event["message"]["data"]).decode())
        elif kind == "SHUTDOWN" and not self.is_deaf:
            print("shutting down", flush=True)
            sys.exit(0)

    def launch(self, task):
        self.tasks[task["task_id"]["value"]] = task
        self.update(task["task_id"], "TASK_RUNNING")
        if task["name"].startswith("short"):
            self.update(task["task_id"], "TASK_FINISHED")

    def message(self, text):
        word, _, rest = text.partition(" ")
        if word == "exit":
            os._exit(int(rest))
        elif word == "hush":
            self.is_deaf = True
        elif word == "cut":
            self.answer_when_back = "echo cut"
            self.connection.sock.shutdown(2)
            return
        if word == "env":
            self.say(json.dumps(dict(os.environ)))
        else:
            self.say("echo " + text)

    def say(self, text):
        data = base64.b64encode(text.encode()).decode()
        self.post(dict(self.call("MESSAGE"), message={"data": data}))

    def update(self, task_id, state):
        name = base64.b64encode(uuid.uuid4().bytes).decode()
        status = {
            "task_id": task_id,
            "executor_id": EXECUTOR,
            "state": state,
            "source": "SOURCE_EXECUTOR",
            "timestamp": time.time(),
            "uuid": name,
        }
        self.updates[name] = status
        self.post(dict(self.call("UPDATE"), update={"status": status}))

    @staticmethod
    def call(kind):
        return {"type": kind, "framework_id": FRAMEWORK, "executor_id": EXECUTOR}

    @staticmethod
    def post(call):
        """Says something; what gets lost is said again after the next SUBSCRIBE."""
        try:
            connection = http.client.HTTPConnection(ENDPOINT, timeout=10)
            connection.request("POST", "/api/v1/executor", json.dumps(call), HEADERS)
            response = connection.getresponse()
            print("said", call["type"], response.status, response.read().decode(), flush=True)
            connection.close()
        except OSError as error:
            print("said nothing:", error, flush=True)


if __name__ == "__main__":
    Executor().run()
