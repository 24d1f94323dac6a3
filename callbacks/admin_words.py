"""Words for what import and check speak of: roles, fields, kinds of data, severities."""

from __future__ import annotations

from geodata.check.findings import Severity
from geodata.formats.report import ROLE
from geodata.words import Text

ROLES: dict[str, Text] = {**ROLE, "skip": Text("不用", "not used")}
ROLES.pop("model")

SYSTEMS: dict[str, Text] = {
    "": Text("按数据判断", "as the rows say"),
    "sewage": Text("污水", "wastewater"),
    "rain": Text("雨水", "rain"),
    "canal": Text("河道", "canal"),
    "none": Text("其他管线", "other lines"),
}
KINDS: dict[str, Text] = {
    "": Text("按数据判断", "as the rows say"),
    "pipe": Text("管道", "pipe"),
    "channel": Text("明渠", "channel"),
    "reach": Text("河段", "reach"),
    "gate": Text("闸", "gate"),
    "pump": Text("泵", "pump"),
    "weir": Text("堰", "weir"),
}
AXES: dict[str, Text] = {
    "": Text("自动判断", "find out"),
    "xy": Text("东在前", "east first"),
    "yx": Text("北在前", "north first"),
}
CHARSETS: dict[str, Text] = {
    "": Text("自动判断", "find out"),
    "gb18030": Text("GBK", "GBK"),
    "utf-8": Text("UTF-8", "UTF-8"),
    "big5": Text("Big5", "Big5"),
}
SEVERITIES: dict[Severity, Text] = {
    Severity.ERROR: Text("错误", "error"),
    Severity.WARNING: Text("警告", "warning"),
    Severity.NOTE: Text("提示", "note"),
}
LAYERS: dict[str, Text] = {
    "park": Text("园区", "park"),
    "enterprise": Text("企业", "enterprise"),
    "outlet": Text("排口", "outlet"),
    "gate": Text("闸", "gate"),
    "station": Text("监测站点", "station"),
    "receptor": Text("敏感点", "receptor"),
    "pool": Text("应急池", "pool"),
    "facility": Text("污水厂和泵站", "works and pumps"),
    "fingerprint": Text("废水组成", "composition"),
    "node": Text("节点", "node"),
    "link": Text("管段", "link"),
}
FIELDS: dict[str, Text] = {
    "id": Text("编号", "id"),
    "x": Text("东坐标或经度", "east or longitude"),
    "y": Text("北坐标或纬度", "north or latitude"),
    "name": Text("名称", "name"),
    "name_en": Text("英文名称", "English name"),
    "node": Text("所在节点", "its node"),
    "ground_m": Text("地面高程 m", "ground level, m"),
    "invert_m": Text("井底高程 m", "bottom level, m"),
    "max_depth_m": Text("井深 m", "depth, m"),
    "kind": Text("种类", "kind"),
    "feature": Text("特征", "feature"),
    "system": Text("水的种类", "which water"),
    "area_m2": Text("水面面积 m²", "area, m2"),
    "inflow_m3s": Text("平时入流 m³/s", "base inflow, m3/s"),
    "stage_m": Text("出口水位 m", "stage, m"),
    "as_of": Text("探测日期", "as of"),
    "source": Text("来源", "source"),
    "confidence": Text("可信度", "confidence"),
    "from_node": Text("起点编号", "start node"),
    "to_node": Text("终点编号", "end node"),
    "from_depth_m": Text("起点埋深 m", "start depth, m"),
    "to_depth_m": Text("终点埋深 m", "end depth, m"),
    "from_level_m": Text("起点管底高程 m", "start level, m"),
    "to_level_m": Text("终点管底高程 m", "end level, m"),
    "size": Text("管径或断面", "size"),
    "height_m": Text("高 m", "height, m"),
    "width_m": Text("宽 m", "width, m"),
    "side_slope": Text("边坡", "side slope"),
    "shape": Text("断面形状", "shape"),
    "material": Text("材质", "material"),
    "burial": Text("埋设方式", "how it is laid"),
    "direction": Text("流向", "direction"),
    "pressure": Text("压力或重力", "pressure or gravity"),
    "length_m": Text("长度 m", "length, m"),
    "roughness": Text("糙率", "roughness"),
    "enterprise": Text("所属企业", "enterprise"),
    "rack": Text("管廊", "rack"),
    "gate": Text("闸编号", "gate"),
    "link": Text("所在管段", "its link"),
    "offset_in_m": Text("起点偏移 m", "start offset, m"),
    "offset_out_m": Text("终点偏移 m", "end offset, m"),
    "direction_source": Text("流向依据", "source of direction"),
    "capacity_m3s": Text("能力 m³/s", "capacity, m3/s"),
    "flow_m3s": Text("流量 m³/s", "flow, m3/s"),
    "velocity_ms": Text("流速 m/s", "velocity, m/s"),
    "depth_m": Text("水深 m", "water depth, m"),
    "reversal": Text("倒流时间占比", "share reversed"),
    "short_zh": Text("简称", "short name, Chinese"),
    "short_en": Text("英文简称", "short name"),
    "uscc": Text("统一社会信用代码", "credit code"),
    "trade_zh": Text("行业", "trade, Chinese"),
    "trade_en": Text("英文行业", "trade"),
    "permit_no": Text("排污许可证号", "permit number"),
    "permit_category": Text("许可类别", "permit category"),
    "phone": Text("电话", "telephone"),
    "cod_permit_t": Text("COD 许可量 t/a", "permitted COD, t/a"),
    "nh3n_permit_t": Text("氨氮许可量 t/a", "permitted NH3-N, t/a"),
    "slots": Text("公管时段", "slots on the shared pipe"),
    "code": Text("代码", "code"),
    "angle": Text("水流方位角", "heading, degrees"),
    "drive": Text("启闭方式", "drive"),
    "remote": Text("可远程控制", "remote"),
    "stroke_s": Text("启闭时间 s", "stroke, s"),
    "leakage": Text("关闭时渗漏比", "leakage"),
    "owner": Text("管理单位", "owner, Chinese"),
    "owner_en": Text("英文管理单位", "owner"),
    "pre_authorised": Text("已预授权", "pre-authorised"),
    "normal_position": Text("平时开度", "normal position"),
    "storage_m3": Text("可蓄水量 m³", "storage, m3"),
    "modbus_unit": Text("Modbus 站号", "Modbus unit"),
    "mn": Text("MN 号", "MN"),
    "factors": Text("监测因子", "factors"),
    "interval_s": Text("上报间隔 s", "interval, s"),
    "limit_set": Text("限值名称", "limits"),
    "level": Text("级别", "level"),
    "capacity_m3": Text("容积 m³", "capacity, m3"),
    "stored_m3": Text("存水 m³", "stored, m3"),
    "capacity_m3d": Text("能力 m³/d", "capacity, m3/d"),
    "factor": Text("因子", "factor"),
    "value": Text("数值", "value"),
    "geometry": Text("线形", "line"),
    "name_zh": Text("名称", "name, Chinese"),
    "crs": Text("坐标系", "coordinate system"),
}


def word(table: dict[str, Text], key: str) -> Text:
    """Return the word for something, or the thing itself where there is none."""
    return table.get(key, Text(key, key))
