"""Plays a story with the client of PyPI's mesoshttp, as it is: command tasks, no messages.

usage: mesoshttp_scheduler.py MASTER STORY

The library sees the end of an event only when the next one begins. So that nothing waits for a heartbeat, it
asks for a task that never was a few times a second: each answer brings the event before it.
"""

import sys
import threading

from mesoshttp.client import MesosClient

from story import Story, tell

NUDGE = "nudge"


class Player:
    def __init__(self, master, story):
        self.story = story
        self.client = MesosClient(
            mesos_urls=["http://" + master],
            frameworkId=story.id,
            frameworkName=story.framework,
            frameworkUser="root",
        )
        self.client.set_failover_timeout(3600)
        self.client.on(MesosClient.SUBSCRIBED, self.subscribed)
        self.client.on(MesosClient.OFFERS, self.offers)
        self.client.on(MesosClient.UPDATE, self.update)
        self.client.on(MesosClient.ERROR, story.error)

    def subscribed(self, driver):
        self.story.subscribed(self.client.frameworkId)
        driver.reconcile([{"task_id": {"value": name}} for name in self.story.known])
        threading.Thread(target=self.nudge, daemon=True).start()

    def nudge(self):
        while not self.story.done.wait(0.3):
            self.client.get_driver().reconcile([{"task_id": {"value": NUDGE}}])

    def offers(self, offers):
        for offer in offers:
            fields = offer.get_offer()
            mine = self.story.fitting(fields["resources"])
            if mine:
                tasks = [self.story.info(task, fields["agent_id"]["value"]) for task in mine]
                offer.accept(tasks, {"filters": {"refuse_seconds": 0}})
            else:
                offer.decline({"filters": {"refuse_seconds": 1 if self.story.waiting else 60}})

    def update(self, update):
        status = update["status"]
        if status["task_id"]["value"] == NUDGE:
            return
        if "kill" in self.story.update(status):
            self.client.get_driver().kill(status["agent_id"]["value"], status["task_id"]["value"])


def main():
    story = Story(sys.argv[2])
    player = Player(sys.argv[1], story)
    threading.Thread(target=player.client.register, daemon=True).start()
    story.done.wait()
    player.client.get_driver().tearDown()
    tell("done")


if __name__ == "__main__":
    main()
