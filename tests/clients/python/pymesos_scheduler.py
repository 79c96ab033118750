"""Plays a story with the scheduler driver of PyPI's pymesos, as it is.

usage: pymesos_scheduler.py MASTER STORY
"""

import sys

from pymesos import MesosSchedulerDriver, Scheduler, decode_data, encode_data

from story import Story, tell


class Player(Scheduler):
    def __init__(self, story):
        self.story = story

    def registered(self, driver, framework_id, master_info):
        self.story.subscribed(framework_id["value"])

    def reregistered(self, driver, master_info):
        self.story.subscribed(driver.framework_id)
        if self.story.known:
            driver.reconcileTasks([{"task_id": {"value": name}} for name in self.story.known])

    def resourceOffers(self, driver, offers):
        for offer in offers:
            mine = self.story.fitting(offer["resources"])
            seconds = 0 if mine else 1 if self.story.waiting else 60
            tasks = [self.story.info(task, offer["agent_id"]["value"]) for task in mine]
            driver.launchTasks(offer["id"], tasks, {"refuse_seconds": seconds})

    def statusUpdate(self, driver, status):
        for deed in self.story.update(status):
            if deed == "kill":
                driver.killTask(status["task_id"])
            else:
                text = encode_data(self.story.text.encode())
                driver.sendFrameworkMessage(status["executor_id"], status["agent_id"], text)

    def frameworkMessage(self, driver, executor_id, agent_id, data):
        self.story.message(executor_id["value"], decode_data(data).decode())

    def executorLost(self, driver, executor_id, agent_id, status):
        self.story.failure(executor_id["value"], status)

    def error(self, driver, message):
        self.story.error(message)


def main():
    story = Story(sys.argv[2])
    framework = {"user": "root", "name": story.framework, "failover_timeout": 3600, "checkpoint": True}
    if story.id:
        framework["id"] = {"value": story.id}
    driver = MesosSchedulerDriver(Player(story), framework, sys.argv[1])
    driver.start()
    story.done.wait()
    driver.stop()
    driver.join()
    tell("done")


if __name__ == "__main__":
    main()
