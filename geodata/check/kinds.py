"""Every kind of finding: how much it matters, what is said about it, and what to do. One table, no code.

``{id}`` is the feature, ``{other}`` a second one, ``{value}`` and ``{limit}`` numbers with their unit.
"""

from __future__ import annotations

from typing import NamedTuple

from geodata.words import Text


class Kind(NamedTuple):
    """One kind of finding; `safe` ones are mended by `geodata.check.mends`."""

    severity: str
    sentence: Text
    mend: Text
    safe: bool = False


_E, _W, _N = "error", "warning", "note"

NETWORK: dict[str, Kind] = {
    "missing_end_node": Kind(
        _E,
        Text("管段 {id} 的端点 {other} 不存在", "link {id} ends at node {other}, which does not exist"),
        Text("补上该节点，或改正端点编号", "add the node, or correct the end's id"),
    ),
    "self_loop": Kind(
        _E,
        Text(
            "管段 {id} 的起点和终点是同一节点 {other}", "link {id} starts and ends at the same node {other}"
        ),
        Text("删除该管段", "remove the link"),
        safe=True,
    ),
    "zero_length": Kind(
        _E,
        Text("管段 {id} 的长度是 {value} m", "link {id} has a length of {value} m"),
        Text("按图上线长填写", "take the length of its line"),
        safe=True,
    ),
    "length_differs": Kind(
        _W,
        Text(
            "管段 {id} 登记长度 {value} m，图上线长 {limit} m",
            "link {id} is recorded as {value} m long, its line is {limit} m",
        ),
        Text("核对后按图上线长填写", "check, then take the length of its line"),
        safe=True,
    ),
    "end_off_node": Kind(
        _W,
        Text(
            "管段 {id} 的一端离节点 {other} {value} m",
            "one end of link {id} lies {value} m from its node {other}",
        ),
        Text("把线端移到节点上", "move the end of the line onto the node"),
        safe=True,
    ),
    "duplicate_points": Kind(
        _E,
        Text("节点 {id} 与 {other} 相距 {value} m", "nodes {id} and {other} are {value} m apart"),
        Text("合并为一个节点", "merge them into one node"),
        safe=True,
    ),
    "dangling": Kind(
        _W,
        Text(
            "末端节点 {id} 离{what} 只有 {value} m，却没有相连",
            "the end node {id} stops {value} m short of {what} and is not connected to it",
        ),
        Text("核对是否应当相连，再接上", "check whether they are one, then connect them"),
    ),
    "isolated_node": Kind(
        _W,
        Text("节点 {id} 没有任何管段", "node {id} has no link"),
        Text("接上管段，或删除该节点", "connect it, or remove it"),
        safe=True,
    ),
    "isolated_part": Kind(
        _W,
        Text(
            "含节点 {id} 的一片管网（{value} 个节点）没有出口：不通排放口、污水厂或调蓄池",
            "the part of the network around node {id} ({value} nodes) has no outfall, works or storage",
        ),
        Text("补上缺失的管段或出口", "add the missing link or outfall"),
    ),
    "blind_end": Kind(
        _W,
        Text(
            "水流到节点 {id} 后没有去处：有来管，无去管，也不是出口",
            "water arrives at node {id} and nothing leaves it, although it is no outfall",
        ),
        Text("核对流向，或补上下游管段", "check the directions, or add the link downstream"),
    ),
    "loop_without_outlet": Kind(
        _W,
        Text(
            "节点 {id} 所在的 {value} 个节点首尾相接，水只在其中打转，没有出路",
            "{value} nodes around {id} form a loop that water cannot leave",
        ),
        Text("核对环上各管段的流向", "check the directions of the links of the loop"),
    ),
    "reversed": Kind(
        _E,
        Text(
            "管段 {id} 疑似画反：水到终点后没有去处，高程也不顺，反过来才接得上",
            "link {id} seems to be drawn backwards: water cannot go on from its end, which is no lower than "
            "its start; turned round it could",
        ),
        Text("调换起点和终点", "swap its start and its end"),
        safe=True,
    ),
    "adverse_slope": Kind(
        _W,
        Text(
            "管段 {id} 逆坡：终点比起点高 {value} m", "link {id} climbs: its end is {value} m above its start"
        ),
        Text("核对两端管底高程", "check the levels of its ends"),
    ),
    "shrinks": Kind(
        _W,
        Text(
            "管段 {id} 比上游管段 {other} 细：{value} m 对 {limit} m",
            "link {id} is smaller than link {other} above it: {value} m against {limit} m",
        ),
        Text("核对管径", "check the sizes"),
    ),
    "depth_out_of_range": Kind(
        _W,
        Text("节点 {id} 的深度 {value} m 不在 0 到 15 m 之间", "node {id} is {value} m deep, not 0 to 15 m"),
        Text("核对地面高程和井底高程", "check the levels of its ground and its bottom"),
    ),
    "missing_level": Kind(
        _W,
        Text("节点 {id} 没有{what}", "node {id} has no {what}"),
        Text("补测；在此之前相关流向是推测的", "survey it; until then directions around it are assumed"),
    ),
    "missing_size": Kind(
        _W,
        Text("管段 {id} 没有断面尺寸", "link {id} has no size"),
        Text("补上管径或宽、高", "fill in its diameter, or width and height"),
    ),
    "bad_offset": Kind(
        _W,
        Text(
            "管段 {id} 在节点 {other} 处的偏移 {value} m 低于井底或高于井口",
            "link {id} joins node {other} {value} m above its bottom, which is outside the node",
        ),
        Text("核对管底高程", "check the level of the end"),
    ),
    "link_twice": Kind(
        _W,
        Text("管段 {id} 与 {other} 是同一条线画了两次", "links {id} and {other} are the same line twice"),
        Text("删除其中一条", "remove one of them"),
        safe=True,
    ),
    "link_unknown_enterprise": Kind(
        _E,
        Text(
            "管段 {id} 属于不存在的企业 {other}",
            "link {id} belongs to enterprise {other}, which does not exist",
        ),
        Text("改正企业编号，或登记该企业", "correct the enterprise id, or add the enterprise"),
    ),
    "direction_assumed": Kind(
        _N,
        Text("管段 {id} 的流向是推测的", "the direction of link {id} is assumed"),
        Text("现场核实后登记流向", "verify it on site and record it"),
    ),
}

PLACES: dict[str, Kind] = {
    "id_twice": Kind(
        _E,
        Text("{layer} 图层中编号 {id} 用了 {value} 次", "the id {id} is used {value} times in layer {layer}"),
        Text("给每个要素各自的编号", "give every feature its own id"),
    ),
    "crs_unknown": Kind(
        _E,
        Text("没有坐标系“{value}”", "there is no CRS “{value}”"),
        Text("改成 EPSG 编号，如 EPSG:4549", "name it by EPSG number, e.g. EPSG:4549"),
    ),
    "crs_out_of_zone": Kind(
        _E,
        Text(
            "按 {value} 换算，园区落在东经 {lon}、北纬 {lat}：坐标系或坐标轴不对",
            "read as {value} the park lies at {lon} E, {lat} N: the CRS or the order of the axes is wrong",
        ),
        Text(
            "确认坐标系和坐标轴顺序后重新导入", "confirm the CRS and the order of the axes, then import again"
        ),
    ),
    "outside_park": Kind(
        _W,
        Text("{layer} {id} 离园区边界 {value} km", "{layer} {id} lies {value} km outside the park"),
        Text("核对它的坐标", "check its coordinates"),
    ),
    "no_position": Kind(
        _E,
        Text("{layer} {id} 没有坐标", "{layer} {id} has no position"),
        Text("补上坐标", "fill in its coordinates"),
    ),
    "gate_without_link": Kind(
        _E,
        Text("闸 {id} 指向的管段 {other} 不存在", "gate {id} names link {other}, which does not exist"),
        Text("改正管段编号", "correct the link's id"),
    ),
    "gate_link_mismatch": Kind(
        _E,
        Text(
            "闸 {id} 指向的管段 {other} 不是闸，或登记为另一座闸",
            "gate {id} names link {other}, which is no gate or is recorded as another gate",
        ),
        Text("改正闸与管段的对应", "correct which link the gate is"),
    ),
    "gate_off_river": Kind(
        _E,
        Text("闸 {id} 离它所在的河段 {other} {value} m", "gate {id} lies {value} m from its link {other}"),
        Text("把闸移到河段上", "move the gate onto its link"),
        safe=True,
    ),
    "gate_unit_twice": Kind(
        _E,
        Text(
            "闸 {id} 与 {other} 的 Modbus 站号同为 {value}",
            "gates {id} and {other} share the Modbus unit {value}",
        ),
        Text("改正站号：否则指令会发到另一座闸", "correct one: an order would move the other gate"),
    ),
    "outlet_without_enterprise": Kind(
        _E,
        Text(
            "排口 {id} 的企业 {other} 不存在",
            "outlet {id} belongs to enterprise {other}, which does not exist",
        ),
        Text("改正企业编号，或登记该企业", "correct the enterprise id, or add the enterprise"),
    ),
    "outlet_off_network": Kind(
        _E,
        Text(
            "排口 {id} 排入的节点 {other} 不存在", "outlet {id} drains to node {other}, which does not exist"
        ),
        Text("改正节点编号", "correct the node's id"),
    ),
    "outlet_off_node": Kind(
        _W,
        Text(
            "排口 {id} 离它排入的节点 {other} {value} m", "outlet {id} lies {value} m from its node {other}"
        ),
        Text("核对坐标或节点编号", "check its coordinates or its node"),
    ),
    "enterprise_without_outlet": Kind(
        _W,
        Text("企业 {id} 没有登记任何排口", "enterprise {id} has no outlet"),
        Text("登记它的废水和雨水排口", "record its wastewater and rain outlets"),
    ),
    "uscc_malformed": Kind(
        _E,
        Text(
            "企业 {id} 的统一社会信用代码“{value}”不是 18 位规定字符",
            "the credit code “{value}” of enterprise {id} is not 18 allowed characters",
        ),
        Text("按营业执照改正", "correct it from the business licence"),
    ),
    "uscc_wrong": Kind(
        _E,
        Text(
            "企业 {id} 的统一社会信用代码 {value} 校验位不对，应为 {limit}",
            "the credit code {value} of enterprise {id} has a wrong check character, {limit} is right",
        ),
        Text(
            "按营业执照改正：错的可能是任一位",
            "correct it from the licence: any character may be the wrong one",
        ),
    ),
    "uscc_twice": Kind(
        _E,
        Text(
            "企业 {id} 与 {other} 的统一社会信用代码相同",
            "enterprises {id} and {other} carry the same credit code",
        ),
        Text("核对是否重复登记", "check whether one is recorded twice"),
    ),
    "mn_twice": Kind(
        _E,
        Text("站点 {id} 与 {other} 的 MN 号相同", "stations {id} and {other} carry the same MN"),
        Text("改正其一：否则读数会混在一起", "correct one: their readings would mix"),
    ),
    "mn_malformed": Kind(
        _E,
        Text(
            "站点 {id} 的 MN 号“{value}”不是 24 位十六进制（2017）或 14 位（2005）",
            "the MN “{value}” of station {id} is neither 24 hex digits (2017) nor 14 characters (2005)",
        ),
        Text("按数采仪铭牌改正", "correct it from the logger's plate"),
    ),
    "station_unknown_factor": Kind(
        _E,
        Text(
            "站点 {id} 的因子“{value}”不在 HJ 212-2017 因子表中",
            "factor “{value}” of station {id} is not in the table of HJ 212-2017",
        ),
        Text("改正因子编码", "correct the code"),
    ),
    "station_without_factor": Kind(
        _W,
        Text("站点 {id} 没有登记任何因子", "station {id} has no factor"),
        Text("登记它监测的因子", "record what it measures"),
    ),
    "station_unknown_limits": Kind(
        _E,
        Text("站点 {id} 的限值“{value}”不存在", "the limits “{value}” of station {id} do not exist"),
        Text("改用已有的限值名称", "name limits that exist"),
    ),
    "station_off_network": Kind(
        _E,
        Text("站点 {id} 的节点 {other} 不存在", "station {id} watches node {other}, which does not exist"),
        Text("改正节点编号", "correct the node's id"),
    ),
    "station_off_node": Kind(
        _W,
        Text("站点 {id} 离它的节点 {other} {value} m", "station {id} lies {value} m from its node {other}"),
        Text("核对坐标或节点编号", "check its coordinates or its node"),
    ),
    "station_unknown_enterprise": Kind(
        _E,
        Text(
            "站点 {id} 属于不存在的企业 {other}",
            "station {id} belongs to enterprise {other}, which does not exist",
        ),
        Text("改正企业编号", "correct the enterprise id"),
    ),
    "receptor_off_network": Kind(
        _E,
        Text("敏感点 {id} 的节点 {other} 不存在", "receptor {id} names node {other}, which does not exist"),
        Text("改正节点编号", "correct the node's id"),
    ),
    "receptor_unreachable": Kind(
        _W,
        Text(
            "没有任何排口的水能到敏感点 {id}：流向或连接可能有误",
            "no outlet's water can reach receptor {id}: a direction or a connection may be wrong",
        ),
        Text("核对它上游的连接和流向", "check the links and directions above it"),
    ),
    "facility_off_network": Kind(
        _E,
        Text(
            "设施 {id} 的进水节点 {other} 不存在",
            "facility {id} names inlet node {other}, which does not exist",
        ),
        Text("改正节点编号", "correct the node's id"),
    ),
    "pool_over_capacity": Kind(
        _W,
        Text("应急池 {id} 存水 {value} m³ 超过容积 {limit} m³", "pool {id} holds {value} m3 of {limit} m3"),
        Text("核对容积和存水量", "check its volume and what is in it"),
    ),
    "slot_malformed": Kind(
        _E,
        Text("企业 {id} 的公管时段“{value}”不是 HH:MM", "the slot “{value}” of enterprise {id} is not HH:MM"),
        Text("改正时段", "correct the slot"),
    ),
    "slot_overlap": Kind(
        _E,
        Text(
            "企业 {id} 与 {other} 的公管时段重叠：{value}",
            "the slots of enterprises {id} and {other} on the shared pipe overlap: {value}",
        ),
        Text("错开时段", "set them apart"),
    ),
    "fingerprint_unknown_enterprise": Kind(
        _E,
        Text(
            "水质指纹属于不存在的企业 {id}", "a fingerprint belongs to enterprise {id}, which does not exist"
        ),
        Text("改正企业编号，或删除该指纹", "correct the enterprise id, or remove the fingerprint"),
        safe=True,
    ),
    "fingerprint_unknown_factor": Kind(
        _E,
        Text(
            "企业 {id} 的水质指纹含未知因子“{value}”",
            "the fingerprint of enterprise {id} has the unknown factor “{value}”",
        ),
        Text("改正因子编码", "correct the code"),
    ),
    "fingerprint_not_positive": Kind(
        _E,
        Text(
            "企业 {id} 的水质指纹 {other} 的数值 {value} 不是正数",
            "the fingerprint {other} of enterprise {id} is {value}, not above 0",
        ),
        Text("改正数值", "correct the value"),
    ),
}

KINDS: dict[str, Kind] = NETWORK | PLACES
