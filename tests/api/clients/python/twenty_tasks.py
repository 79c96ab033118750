"""Runs 20 tasks through the published client library mesoshttp, as it is.

usage: twenty_tasks.py http://MASTER

Prints `20 finished, 0 failed` and ends with 0 when each of the tasks was seen
STARTING or RUNNING and then FINISHED, every update acknowledged by the library.
"""

import sys
import threading

from mesoshttp.client import MesosClient

TASKS = 20
TERMINAL = {"TASK_FINISHED", "TASK_FAILED", "TASK_KILLED", "TASK_ERROR", "TASK_LOST"}


class Scheduler:
    def __init__(self, url):
        self.lock = threading.Lock()
        self.waiting = ["py-%d" % n for n in range(TASKS)]
        self.seen = {}
        self.ended = {}
        self.done = threading.Event()
        self.client = MesosClient(mesos_urls=[url], frameworkName="twenty", frameworkUser="root")
        self.client.on(MesosClient.OFFERS, self.offers)
        self.client.on(MesosClient.UPDATE, self.update)
        self.client.on(MesosClient.ERROR, self.error)

    def offers(self, offers):
        for offer in offers:
            amounts = {r["name"]: r.get("scalar", {}).get("value", 0) for r in offer.get_offer()["resources"]}
            fits = int(min(amounts.get("cpus", 0) / 0.1, amounts.get("mem", 0) / 32))
            with self.lock:
                mine, self.waiting = self.waiting[:fits], self.waiting[fits:]
            if mine:
                offer.accept([self.task(offer, name) for name in mine], {"filters": {"refuse_seconds": 0}})
            else:
                offer.decline({"filters": {"refuse_seconds": 1}})

    @staticmethod
    def task(offer, name):
        return {
            "name": name,
            "task_id": {"value": name},
            "agent_id": {"value": offer.get_offer()["agent_id"]["value"]},
            "command": {"value": "echo %s" % name},
            "resources": [
                {"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.1}},
                {"name": "mem", "type": "SCALAR", "scalar": {"value": 32}},
            ],
        }

    def update(self, update):
        status = update["status"]
        name, state = status["task_id"]["value"], status["state"]
        with self.lock:
            self.seen.setdefault(name, []).append(state)
            if state in TERMINAL:
                self.ended[name] = state
            if len(self.ended) == TASKS:
                self.done.set()

    def error(self, message):
        print("the master says: %s" % message, file=sys.stderr)
        self.done.set()


def main():
    scheduler = Scheduler(sys.argv[1])
    thread = threading.Thread(target=scheduler.client.register, daemon=True)
    thread.start()
    if not scheduler.done.wait(60):
        print("only %d of %d tasks ended: %s" % (len(scheduler.ended), TASKS, scheduler.seen), file=sys.stderr)
    good = [
        name
        for name, state in scheduler.ended.items()
        if state == "TASK_FINISHED" and "TASK_RUNNING" in scheduler.seen[name]
    ]
    print("%d finished, %d failed" % (len(good), TASKS - len(good)))
    scheduler.client.tearDown()
    return 0 if len(good) == TASKS else 1


if __name__ == "__main__":
    sys.exit(main())
