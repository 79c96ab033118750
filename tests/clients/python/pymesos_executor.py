"""An executor with the driver of PyPI's pymesos, as it is: does what a task's name says."""

import os

from pymesos import Executor, MesosExecutorDriver, decode_data, encode_data


class Doer(Executor):
    def __init__(self):
        self.waiting = {}

    def launchTask(self, driver, task):
        self.status(driver, task["task_id"], "TASK_STARTING")
        self.status(driver, task["task_id"], "TASK_RUNNING")
        if task["name"] == "wait":
            self.waiting[task["task_id"]["value"]] = task["task_id"]
        elif task["name"] == "fail":
            self.status(driver, task["task_id"], "TASK_FAILED", "as it was told")
        else:
            self.status(driver, task["task_id"], "TASK_FINISHED")

    def killTask(self, driver, task_id):
        if self.waiting.pop(task_id["value"], None):
            self.status(driver, task_id, "TASK_KILLED")

    def frameworkMessage(self, driver, message):
        driver.sendFrameworkMessage(encode_data(b"heard " + decode_data(message)))

    def shutdown(self, driver):
        os._exit(0)

    @staticmethod
    def status(driver, task_id, state, message=None):
        status = {"task_id": task_id, "state": state}
        if message:
            status["message"] = message
        driver.sendStatusUpdate(status)


if __name__ == "__main__":
    MesosExecutorDriver(Doer()).run()
