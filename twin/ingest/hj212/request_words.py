"""The platform's requests in words: what each asks of a logger, and what its fields are called."""

from __future__ import annotations

from collections.abc import Mapping

from geodata.words import Text

ASKS: Mapping[str, Text] = {
    "1000": Text("设置超时和重发次数", "set time-out and repeats"),
    "1011": Text("读取时钟", "read the clock"),
    "1012": Text("设置时钟", "set the clock"),
    "1061": Text("读取实时数据间隔", "read the interval of real-time data"),
    "1062": Text("设置实时数据间隔", "set the interval of real-time data"),
    "1063": Text("读取分钟数据间隔", "read the interval of minute data"),
    "1064": Text("设置分钟数据间隔", "set the interval of minute data"),
    "1072": Text("设置密码", "set the password"),
    "2011": Text("开始上报实时数据", "begin to send real-time data"),
    "2012": Text("停止上报实时数据", "stop sending real-time data"),
    "2021": Text("开始上报设备运行状态", "begin to send states of equipment"),
    "2022": Text("停止上报设备运行状态", "stop sending states of equipment"),
    "2031": Text("补取日数据", "call up day data"),
    "2041": Text("补取设备日运行时间", "call up hours run"),
    "2051": Text("补取分钟数据", "call up minute data"),
    "2061": Text("补取小时数据", "call up hour data"),
    "3011": Text("零点和量程校准", "calibrate zero and span"),
    "3012": Text("立即采样", "sample now"),
    "3013": Text("清洗或反吹", "clean or blow back"),
    "3014": Text("比对采样", "take a comparison sample"),
    "3015": Text("超标留样", "keep a sample of the exceedance"),
    "3016": Text("设置采样周期", "set the sampling cycle"),
    "3017": Text("读取采样周期", "read the sampling cycle"),
    "3018": Text("读取出样时间", "read the time an analysis takes"),
    "3019": Text("读取仪器唯一标识", "read the identity of an analyser"),
    "3020": Text("读取现场信息", "read logs, states and parameters"),
    "3021": Text("设置现场参数", "set a parameter of an analyser"),
}
FIELDS: Mapping[str, Text] = {
    "OverTime": Text("超时，秒", "time-out, s"),
    "ReCount": Text("重发次数", "repeats"),
    "SystemTime": Text("时间，年月日时分秒", "moment, YYYYMMDDhhmmss"),
    "RtdInterval": Text("间隔，30 到 3600 秒", "interval, 30 to 3600 s"),
    "MinInterval": Text("间隔，分钟", "interval, min"),
    "NewPW": Text("新密码，最多 6 位", "new password, up to 6 characters"),
    "PolId": Text("因子编码", "factor code"),
    "InfoId": Text("信息编码，如 i12001", "information code, such as i12001"),
    "Info": Text("参数值", "value"),
    "BeginTime": Text("开始，年月日时分秒", "from, YYYYMMDDhhmmss"),
    "EndTime": Text("结束，年月日时分秒", "to, YYYYMMDDhhmmss"),
    "CstartTime": Text("开始时刻，时分秒", "first sample, hhmmss"),
    "Ctime": Text("周期，1 到 24 小时", "cycle, 1 to 24 h"),
}
