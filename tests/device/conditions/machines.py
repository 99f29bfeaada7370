"""Machines that are folders: the files of /sys and /proc as some boards have them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ccnet_edge.device.conditions.system import System

POLICY = "sys/devices/system/cpu/cpufreq/policy"
PI_THROTTLED = "sys/devices/platform/soc/soc:firmware/get_throttled"

JETSON = {
    f"{POLICY}0/scaling_cur_freq": "1510400",
    f"{POLICY}0/cpuinfo_max_freq": "1510400",
    f"{POLICY}0/scaling_governor": "schedutil",
    f"{POLICY}4/scaling_cur_freq": "729600",
    f"{POLICY}4/cpuinfo_max_freq": "1510400",
    f"{POLICY}4/scaling_governor": "schedutil",
    "sys/class/thermal/thermal_zone0/type": "cpu-thermal",
    "sys/class/thermal/thermal_zone0/temp": "51250",
    "sys/class/thermal/thermal_zone1/type": "gpu-thermal",
    # Off, and then its temperature cannot be read.
    "sys/class/thermal/cooling_device0/type": "pwm-fan",
    "sys/class/thermal/cooling_device0/cur_state": "2",
    "sys/class/thermal/cooling_device1/type": "cpufreq-cpu0",
    "sys/class/thermal/cooling_device1/cur_state": "0",
    "sys/class/hwmon/hwmon3/name": "soctherm_oc",
    "sys/class/hwmon/hwmon3/oc1_event_cnt": "4",
    "sys/class/hwmon/hwmon3/oc3_event_cnt": "0",
    "sys/class/hwmon/hwmon1/name": "ina3221",
    "sys/class/hwmon/hwmon1/in1_label": "VDD_IN",
    "sys/class/hwmon/hwmon1/in1_input": "5000",
    "sys/class/hwmon/hwmon1/curr1_input": "1200",
    "sys/class/hwmon/hwmon1/in2_label": "VDD_CPU_GPU_CV",
    "sys/class/hwmon/hwmon1/in2_input": "5000",
    "sys/class/hwmon/hwmon1/curr2_input": "400",
    "sys/class/hwmon/hwmon1/in7_label": "sum of shunt voltages",
    "sys/class/hwmon/hwmon1/in7_input": "3",
}
JETSON_NANO = {
    "sys/bus/i2c/drivers/ina3221x/6-0040/iio:device0/rail_name_0": "POM_5V_IN",
    "sys/bus/i2c/drivers/ina3221x/6-0040/iio:device0/in_power0_input": "3200",
    "sys/bus/i2c/drivers/ina3221x/6-0040/iio:device0/rail_name_1": "POM_5V_GPU",
    "sys/bus/i2c/drivers/ina3221x/6-0040/iio:device0/in_power1_input": "100",
}
RASPBERRY_PI = {
    f"{POLICY}0/scaling_cur_freq": "1800000",
    f"{POLICY}0/cpuinfo_max_freq": "1800000",
    f"{POLICY}0/scaling_governor": "ondemand",
    "sys/class/thermal/thermal_zone0/type": "cpu-thermal",
    "sys/class/thermal/thermal_zone0/temp": "61835",
    PI_THROTTLED: "0",
}
CPUINFO = "processor\t: {n}\nmodel name\t: x\ncpu MHz\t\t: {mhz}\n\n"
LAPTOP = {
    "proc/cpuinfo": CPUINFO.format(n=0, mhz=801.5) + CPUINFO.format(n=1, mhz=2400.0),
    "sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count": "7",
    "sys/devices/system/cpu/cpu1/thermal_throttle/core_throttle_count": "0",
    "sys/class/thermal/cooling_device0/type": "intel_powerclamp",
    "sys/class/thermal/cooling_device0/cur_state": "-1",
    "sys/class/hwmon/hwmon2/name": "coretemp",
    "sys/class/hwmon/hwmon2/temp1_input": "48000",
    "sys/class/hwmon/hwmon2/temp1_label": "Package id 0",
    "sys/class/hwmon/hwmon2/temp2_input": "47000",
    "sys/class/hwmon/hwmon0/name": "nvme",
    "sys/class/hwmon/hwmon0/temp1_input": "35000",
    "sys/class/powercap/intel-rapl:0/name": "package-0",
    "sys/class/powercap/intel-rapl:0/energy_uj": "9000000",
    "sys/class/powercap/intel-rapl:0/max_energy_range_uj": "10000000",
    "sys/class/powercap/intel-rapl:0:0/name": "core",
    "sys/class/powercap/intel-rapl:0:0/energy_uj": "5",
}
# user nice system idle iowait irq softirq steal guest guest_nice, in hundredths of a second.
STAT = (
    "cpu  {user} 0 100 5000 10 0 0 {steal} 0 0\n"
    "cpu0 1 0 0 0 0 0 0 0 0 0\ncpu1 1 0 0 0 0 0 0 0 0 0\nintr 5\n"
)
PROCESS = (
    "{pid} (a (strange) name) R 1 1 1 0 -1 0 0 0 0 0 {user} {system} {children} 0 20 0 1 0 9\n"
)


def write(root: Path, files: Mapping[str, str]) -> System:
    """The machine with these files, some of which may have been there before."""
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content + "\n")
    return System(root)
