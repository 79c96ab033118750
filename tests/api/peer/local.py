# Python 2.7. Master, agent and allocator in this process: a driver whose master is "local".
import ctypes
import signal
import sys
import time

library = ctypes.CDLL(sys.argv[1])


class String(ctypes.Structure):
    """std::string of libstdc++, with a short text inside."""
    _fields_ = [("start", ctypes.c_void_p), ("length", ctypes.c_size_t), ("text", ctypes.c_char * 16)]


class Option(ctypes.Structure):
    """Option<std::string>."""
    SOME, NONE = 0, 1
    _fields_ = [("state", ctypes.c_int), ("value", String)]

    @classmethod
    def of(cls, text):
        made = cls(state=cls.SOME)
        made.value.length, made.value.text = len(text), text
        made.value.start = ctypes.addressof(made) + cls.value.offset + String.text.offset
        return made


# process::initialize: paths without a process's name are the agent's.
delegate, no_read_realm, no_write_realm = Option.of("slave(1)"), Option(state=Option.NONE), Option(state=Option.NONE)
initialize = library["_ZN7process10initializeERK6OptionINSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEEES9_S9_"]
initialize(ctypes.byref(delegate), ctypes.byref(no_read_realm), ctypes.byref(no_write_realm))

from mesos.interface import Scheduler, mesos_pb2
from mesos.scheduler import MesosSchedulerDriver


class Keeper(Scheduler):
    """Takes nothing: the cluster lives as long as its driver."""

    def registered(self, driver, framework_id, master_info):
        driver.suppressOffers()

    def resourceOffers(self, driver, offers):
        for offer in offers:
            driver.declineOffer(offer.id)
        driver.suppressOffers()


info = mesos_pb2.FrameworkInfo(user="root", name="keeper")
driver = MesosSchedulerDriver(Keeper(), info, "local")
driver.start()
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
while True:
    time.sleep(1)
