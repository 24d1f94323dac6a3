"""The names that surveys, designers and other programs give to what we need, in Chinese and English."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# Role -> our name -> theirs. The first alias that a layer has wins; the case and punctuation do not count.
ALIASES: dict[str, dict[str, tuple[str, ...]]] = {
    "node": {
        "id": (
            "id",
            "node_id",
            "物探点号",
            "管点编号",
            "管点号",
            "点号",
            "图上点号",
            "连接点号",
            "井号",
            "检查井编号",
            "节点编号",
            "节点号",
            "编号",
            "exp_no",
            "expno",
            "wtdh",
            "point_id",
            "pointid",
            "name",
            "名称",
        ),
        "x": (
            "x",
            "x坐标",
            "x坐标m",
            "横坐标",
            "东坐标",
            "经度",
            "lon",
            "lng",
            "longitude",
            "easting",
            "坐标x",
        ),
        "y": ("y", "y坐标", "y坐标m", "纵坐标", "北坐标", "纬度", "lat", "latitude", "northing", "坐标y"),
        "ground_m": (
            "ground_m",
            "地面高程",
            "地面标高",
            "井盖高程",
            "井口高程",
            "高程",
            "surf_h",
            "ground_level",
            "rim",
            "z",
            "dmgc",
        ),
        "invert_m": (
            "invert_m",
            "井底高程",
            "井底标高",
            "底高程",
            "管底高程",
            "invert",
            "invert_level",
            "jdgc",
        ),
        "max_depth_m": (
            "max_depth_m",
            "井深",
            "井底深",
            "井底埋深",
            "埋深",
            "depth",
            "max_depth",
            "deep",
            "js",
        ),
        "kind": ("kind", "附属物", "附属物名称", "subsid", "fsw", "type"),
        "feature": ("特征", "特征点", "点特征", "feature", "tz"),
        "system": ("system", "管线类型", "管类", "管线种类", "管线性质", "类别", "pipe_type", "gxlx"),
        "area_m2": ("area_m2", "面积"),
        "inflow_m3s": ("inflow_m3s",),
        "stage_m": ("stage_m", "水位"),
        "as_of": ("as_of", "探测日期", "测量日期", "调查日期", "survey_date"),
        "source": ("source", "数据来源", "来源"),
        "confidence": ("confidence",),
    },
    "link": {
        "id": (
            "id",
            "link_id",
            "管线编号",
            "管段编号",
            "管段号",
            "管线号",
            "编号",
            "pipe_id",
            "line_id",
            "name",
            "名称",
        ),
        "from_node": (
            "from_node",
            "起点点号",
            "起点号",
            "起点编号",
            "起始点号",
            "起点",
            "本点号",
            "start_node",
            "s_point",
            "qddh",
            "up_node",
            "上游点号",
            "起始节点",
            "from",
            "物探点号",
            "管线点号",
            "source_node",
        ),
        "to_node": (
            "to_node",
            "终点点号",
            "终点号",
            "终点编号",
            "终止点号",
            "终点",
            "连接点号",
            "连接方向",
            "end_node",
            "e_point",
            "zddh",
            "down_node",
            "下游点号",
            "终止节点",
            "to",
            "target_node",
        ),
        "from_depth_m": ("起点埋深", "起始埋深", "起埋深", "本点埋深", "s_deep", "start_depth", "qdms"),
        "to_depth_m": ("终点埋深", "终止埋深", "终埋深", "连接点埋深", "e_deep", "end_depth", "zdms"),
        "from_level_m": (
            "起点高程",
            "起点管底高程",
            "起点标高",
            "起始管底高程",
            "上游管底高程",
            "s_h",
            "start_level",
            "qdgc",
        ),
        "to_level_m": (
            "终点高程",
            "终点管底高程",
            "终点标高",
            "终止管底高程",
            "下游管底高程",
            "e_h",
            "end_level",
            "zdgc",
        ),
        "size": (
            "管径",
            "管径mm",
            "断面尺寸",
            "管径或断面尺寸",
            "管径断面尺寸",
            "规格",
            "口径",
            "d_s",
            "ds",
            "diameter",
            "dn",
            "gj",
        ),
        "height_m": ("height_m",),
        "width_m": ("width_m", "宽度", "底宽", "河宽"),
        "side_slope": ("side_slope", "边坡", "边坡系数"),
        "shape": ("shape", "断面形状", "断面形式"),
        "material": ("material", "材质", "管材", "cz"),
        "burial": ("埋设方式", "埋设类型", "敷设方式", "emb_type", "msfs"),
        "direction": ("流向", "水流方向", "flow_dir", "flowdirect", "lx"),
        "pressure": ("压力重力", "压力", "重力压力", "pressure"),
        "length_m": ("length_m", "长度", "管长", "length"),
        "roughness": ("roughness", "糙率", "粗糙系数", "manning"),
        "kind": ("kind", "类型", "渠道类型"),
        "system": (
            "system",
            "管线类型",
            "管类",
            "管线种类",
            "管线性质",
            "类别",
            "pipe_type",
            "gxlx",
            "layer",
        ),
        "enterprise": ("enterprise", "权属单位", "所属企业", "企业编号", "权属", "owner"),
        "rack": ("rack", "管廊", "管廊编号"),
        "gate": ("gate", "闸门编号"),
        "offset_in_m": ("offset_in_m",),
        "offset_out_m": ("offset_out_m",),
        "direction_source": ("direction_source",),
        "capacity_m3s": ("capacity_m3s",),
        "flow_m3s": ("flow_m3s",),
        "velocity_ms": ("velocity_ms",),
        "depth_m": ("depth_m",),
        "reversal": ("reversal",),
        "as_of": ("as_of", "探测日期", "建设年代", "建设时间", "竣工日期"),
        "source": ("source", "数据来源", "来源"),
        "confidence": ("confidence",),
    },
}
_PLACE = {
    "id": ("id", "编号", "编码", "序号", "code"),
    "name": ("name_zh", "名称", "name", "title"),
    "name_en": ("name_en", "英文名称", "english_name"),
    "x": ALIASES["node"]["x"],
    "y": ALIASES["node"]["y"],
    "node": ("node", "节点", "接入点号", "所在点号", "物探点号", "点号"),
}
ALIASES["enterprise"] = {
    **_PLACE,
    "id": ("id", "企业编号", "编号", "企业代码", "序号"),
    "name": ("name_zh", "企业名称", "单位名称", "公司名称", "名称", "name"),
    "short_zh": ("short_zh", "企业简称", "简称"),
    "short_en": ("short_en",),
    "uscc": ("uscc", "统一社会信用代码", "社会信用代码", "信用代码", "credit_code"),
    "trade_zh": ("trade_zh", "行业", "行业类别", "所属行业", "industry"),
    "trade_en": ("trade_en",),
    "permit_no": ("permit_no", "排污许可证编号", "排污许可证号", "许可证编号"),
    "permit_category": ("permit_category", "管理类别", "许可管理类别"),
    "phone": ("phone", "值班电话", "联系电话", "电话", "应急电话"),
    "cod_permit_t": ("cod_permit_t", "cod许可量", "cod许可排放量", "化学需氧量许可量"),
    "nh3n_permit_t": ("nh3n_permit_t", "氨氮许可量", "氨氮许可排放量"),
    "slots": ("slots",),
}
ALIASES["outlet"] = {
    **_PLACE,
    "id": ("id", "排口id", "序号"),
    "code": ("code", "排口编号", "排放口编号", "排口代码", "排放口代码", "编号"),
    "enterprise": ("enterprise", "企业编号", "所属企业", "企业名称", "单位名称", "排污单位"),
    "kind": ("kind", "排口类型", "排放口类型", "类型"),
}
ALIASES["gate"] = {
    **_PLACE,
    "id": ("id", "闸门编号", "闸编号", "编号", "序号"),
    "name": ("name_zh", "闸门名称", "闸名", "闸名称", "名称", "name"),
    "kind": ("kind", "闸门类型", "闸型", "类型"),
    "link": ("link", "管段编号", "河段编号", "所在河段"),
    "angle": ("angle", "角度", "方位"),
    "drive": ("drive", "驱动方式", "启闭方式"),
    "remote": ("remote", "远程控制", "可远程"),
    "stroke_s": ("stroke_s", "启闭时间", "启闭时间s", "行程时间"),
    "leakage": ("leakage", "渗漏率", "泄漏率"),
    "owner": ("owner_zh", "管理单位", "权属单位", "owner"),
    "owner_en": ("owner_en",),
    "phone": ("phone", "联系电话", "电话", "值班电话"),
    "pre_authorised": ("pre_authorised", "预授权"),
    "normal_position": ("normal_position", "常态开度"),
    "storage_m3": ("storage_m3", "闸前库容", "可用容积"),
    "modbus_unit": ("modbus_unit", "从站号", "站号"),
}
ALIASES["station"] = {
    **_PLACE,
    "id": ("id", "站点编号", "站号", "测点编号", "编号", "序号"),
    "name": ("name_zh", "站点名称", "站名", "点位名称", "名称", "name"),
    "mn": ("mn", "mn号", "设备编号", "数采仪编号", "设备唯一标识"),
    "kind": ("kind", "站点类型", "点位类型", "类型"),
    "factors": ("factors", "监测因子", "因子", "监测项目"),
    "interval_s": ("interval_s", "上报间隔", "上传间隔"),
    "limit_set": ("limit_set", "执行标准", "标准"),
    "enterprise": ("enterprise", "企业编号", "所属企业", "企业名称"),
}
ALIASES["receptor"] = {**_PLACE, "name": ("name_zh", "敏感点名称", "名称", "name")}
ALIASES["pool"] = {
    **_PLACE,
    "name": ("name_zh", "应急池名称", "名称", "name"),
    "level": ("level", "防控级别", "级别"),
    "capacity_m3": ("capacity_m3", "容积", "有效容积", "容量"),
    "stored_m3": ("stored_m3", "现存量", "存水量"),
}
ALIASES["facility"] = {
    **_PLACE,
    "name": ("name_zh", "设施名称", "名称", "name"),
    "kind": ("kind", "类型", "设施类型"),
    "capacity_m3d": ("capacity_m3d", "处理规模", "设计规模", "处理能力"),
}
ALIASES["device"] = {
    **_PLACE,
    "name": ("name_zh", "阀门名称", "泵名称", "名称", "name"),
    "kind": ("kind", "类型", "阀门类型"),
    "enterprise": ("enterprise", "企业编号", "所属企业"),
    "outlets": ("outlets", "排口编号", "所控排口"),
    "remote": ("remote", "远程控制", "可远程"),
    "stroke_s": ("stroke_s", "启闭时间", "启闭时间s", "行程时间"),
    "leakage": ("leakage", "渗漏率", "泄漏率"),
    "phone": ("phone", "联系电话", "电话", "值班电话"),
    "normal_position": ("normal_position", "常态开度"),
    "modbus_unit": ("modbus_unit", "从站号", "站号"),
}
ALIASES["fingerprint"] = {
    "enterprise": ("enterprise", "企业编号"),
    "factor": ("factor", "因子", "因子编码"),
    "value": ("value", "浓度", "典型值"),
    "source": ("source", "来源"),
    "as_of": ("as_of", "时间"),
}

# Words in a layer's name (or a file's) -> role; the first that is found wins.
LAYER_WORDS: tuple[tuple[str, str], ...] = (
    ("指纹", "fingerprint"), ("fingerprint", "fingerprint"),
    ("企业阀", "device"), ("切断阀", "device"), ("device", "device"),
    ("应急池", "pool"), ("事故池", "pool"), ("pool", "pool"),
    ("敏感", "receptor"), ("receptor", "receptor"),
    ("监测", "station"), ("站点", "station"), ("station", "station"),
    ("泵站", "facility"), ("污水厂", "facility"), ("污水处理厂", "facility"), ("facility", "facility"),
    ("排口", "outlet"), ("排放口", "outlet"), ("outlet", "outlet"),
    ("闸", "gate"), ("gate", "gate"), ("sluice", "gate"),
    ("企业", "enterprise"), ("enterprise", "enterprise"), ("company", "enterprise"),
)  # fmt: skip

# Class codes of survey tables and CAD layers -> system; none: it carries no water we follow.
_CLASSES: dict[str | None, str] = {
    "sewage": "ws 污水 fs 废水 sewage sewer hs 合流",
    "rain": "ys 雨水 清下水 rain storm",
    "canal": "河 canal river",
    None: "js 给水 自来水 供水 rq 燃气 天然气 rl 热力 蒸汽 dl 电力 ld 路灯 dx 电信 通信 通讯 gy 工业",
}
SYSTEMS = tuple((word, system) for system, words in _CLASSES.items() for word in words.split())

# Attached things of a survey point -> our kind of node.
NODE_KINDS = {
    "排水口": "outfall",
    "出水口": "outfall",
    "出口": "outfall",
    "入河口": "outfall",
    "outfall": "outfall",
}
STORAGES = {
    "调蓄池": "storage",
    "集水池": "storage",
    "泵站": "storage",
    "storage": "storage",
    "蓄水池": "storage",
}


@lru_cache(maxsize=4096)  # every name is compared with every alias
def key(name: str) -> str:
    """Return a field name as it is compared: plain letters, no blanks, brackets or punctuation."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", str(name)).lower())


KNOWN = {key(a) for role in ALIASES.values() for names in role.values() for a in names}
UNITS = ("mm", "cm", "m", "毫米", "米", "吨年", "ta", "m3", "s", "秒")


@lru_cache(maxsize=4096)
def bare(name: str) -> str:
    """Return a field name without what stands in brackets behind it: "X(m)" is X."""
    return re.sub(r"[(\[].*[)\]]\s*$", "", unicodedata.normalize("NFKC", str(name)))


def same(theirs: str, alias: str) -> bool:
    """Say whether a field's name is an alias, or one with a unit, or one cut to dBASE's 10 bytes."""
    a, b = key(theirs), key(alias)
    if a == b or key(bare(theirs)) == b or (a.startswith(b) and len(b) > 1 and a[len(b) :] in UNITS):
        return True
    cut = not a.isascii() and b.startswith(a) and len(a) > 2
    return cut and (len(a.encode()) in (9, 10) or len(a.encode("gb18030")) in (9, 10))


def system_of(text: str) -> tuple[bool, str | None]:
    """Return whether a class is known, and the system it means (None: no water we follow).

    A code counts as a whole word or before the letters of the table ("YSP", "YS_LINE", "YSL-1").
    """
    low = unicodedata.normalize("NFKC", text).lower()
    for word, system in SYSTEMS:
        if word.isascii():
            if re.search(rf"(?<![a-z]){word}(?=[^a-z]|$|[pl](?:[^a-z]|$)|line|point|pipe|er)", low):
                return True, system
        elif word in low:
            return True, system
    return False, None


def role_of_name(text: str) -> str:
    """Return the role a layer's name speaks of, empty if none."""
    low = unicodedata.normalize("NFKC", text).lower()
    return next((role for word, role in LAYER_WORDS if word in low), "")
