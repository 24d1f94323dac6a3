"""What every panel shows and where its numbers come from: the sentence behind its question mark.

A panel is found by its Chinese heading; where that carries a name or a number, by how it begins or ends.
`tests/callbacks/test_about.py` finds a panel that nobody has explained.
"""

from __future__ import annotations

from typing import Any

from dash import html

from callbacks.pages import data
from geodata.words import Lang, Text

LABEL = Text("这是什么", "What is this")

ABOUT: dict[str, Text] = {
    # enterprises
    "负荷占许可": Text(
        "近 24 小时带走的污染物与同一段时间许可量之比。负荷是浓度乘流量逐点相加，只算两者都有效的时"
        "刻；竖线是同期许可量。右列是近 7 天的千克数，带 * 的含替代值。点数字看原始读数。",
        "Load of the last 24 h against what the permit gives for the same time. Concentration "
        "times flow is added up over moments at which both are valid; the tick is the permit. "
        "Right: kilograms of 7 days, * with days replaced. A number opens to its readings.",
    ),
    "排口实时": Text(
        "这家企业每个在线排口的最新值、限值和一天的走势。值每秒更新；最右是最后一次读数的时间，点开看历史。",
        "Newest value, limit and last day of every monitored outlet. Values follow every second; "
        "at the right the time of the last reading, which opens to the history.",
    ),
    "事件与告警": Text(
        "这家企业被列为前三疑似源的事件，和它自己站点报过的告警，新的在前。被怀疑不等于已查实。",
        "Incidents in which it was among the first three suspects, and alarms of its own stations, "
        "newest first. Suspected is not proved.",
    ),
    "数据质量": Text(
        "近 24 小时的传输率、有效率和两者之积，按小时规则统计；下面是网关启动以来数采仪的表现。",
        "Received, valid, and both, of the last 24 h by the hourly rules; below, how its loggers "
        "have behaved since the gateway was started.",
    ),
    "达标日历": Text(
        "本月每天的日均值是否在限值内。日均值按流量加权，有效小时不够的那天没有结论，显示为无数据。"
        "点一天看读数。",
        "Whether each day's means were within limits. Means are weighted by flow; a day with too "
        "few valid hours has no verdict. A day opens to its readings.",
    ),
    "全部指标": Text(
        "这家企业本月的全部指标、在同行业里的位置和所选企业的对比。鼠标停在指标名上看算法；"
        "绿、红界限来自配置，不是法定要求；不能计算的写明缺什么。",
        "Every indicator of this month, its place in the trade, and the enterprises chosen beside "
        "it. Rest on a name to see the formula. Colours are set in a file and are not law; what "
        "cannot be counted says what is missing.",
    ),
    # readings
    "曲线": Text(
        "所选时段的读数，限值画成虚线，缺数的地方断开，不补点。",
        "Readings of the time chosen. Limits are dashed; where readings are missing the line is broken.",
    ),
    "小时值": Text(
        "每小时的均值，和应报、收到、有效各几个。有效数不够的小时没有值，并写明原因。",
        "Hourly means, with how many values were due, came, and count. An hour with too few has no "
        "value and says why.",
    ),
    "日值": Text(
        "日均值按流量加权；负荷是当天有效小时之和。没有有效日均值的那天，总量里用有效日的均值替代，"
        "并单独列出。",
        "Daily means weighted by flow; the load is that of valid hours. A day without a mean is "
        "replaced in totals by the mean of valid days, and shown apart.",
    ),
    "实时读数": Text(
        "收到的每一条读数，连同数据标记和服务器收到的时间。被后来的值替换的仍然保留，划去显示。",
        "Every reading that came, with its mark and when the server received it. What a later "
        "value replaced is kept, struck through.",
    ),
    # emergency
    "事件": Text(
        "一团污水无论被几个点看到，都是一个事件。新的在上；点开进入处置。",
        "One slug of pollution is one incident, however many points see it. The newest is on top; "
        "open it to act.",
    ),
    "进行中": Text(
        "还没有关闭的事件。一团污水无论被几个点看到，都是一个事件。",
        "Incidents that are not closed. One slug of pollution is one incident, however many points see it.",
    ),
    "已结束": Text(
        "已经关闭或判为仪表故障的事件。", "Incidents that were closed, or judged to be instrument faults."
    ),
    "疑似源": Text(
        "按概率排列的企业，和支持、反对的证据。概率由到达时间、浓度形状、未报警的站点、废水组成等证据合成，"
        "并留出一份给不在名单上的来源。它是线索，不是定论。",
        "Enterprises by probability, with what speaks for and against. Probabilities weigh arrival "
        "times, shapes, stations that stayed clean and the water's composition, and leave a share "
        "for a source that is not on the list. A lead, not a verdict.",
    ),
    "水质指纹": Text(
        "各因子之比：样品（或在线读数）与几家企业各自的指纹并排。指纹从企业自己平时的排水学来，或由人录入，"
        "写明版本、样本数和日期。",
        "Proportions of factors: the sample, or the online readings, beside the fingerprints of "
        "enterprises. Those were learned from each one's usual discharge or entered by people, "
        "with version, samples and date.",
    ),
    "下一采样": Text(
        "最能分清疑似源的采样点和因子：按预计减少的不确定性除以路上时间排列。",
        "Where and for what to sample next: what is expected to decide most for each minute on the way.",
    ),
    "关闸方案": Text(
        "每个方案关哪些闸、最晚几点关、能留住多少。最晚时间 = 最早到达 − 启闭 − 派人 − 决策 − 余量，"
        "取自每座闸的卡片。方案只是建议，两个人批准后才会下发。",
        "Which gates, by when, and what it keeps back. Close-by = early arrival − stroke − "
        "dispatch − decision − margin, from each gate's card. Advice only: nothing is sent before "
        "two people approve.",
    ),
    "到达时间与最晚关闸": Text(
        "污染前沿到达各闸和敏感点的 5%、50%、95% 时间，由一组流量不同的推算得出；读数证实或推翻时随之更新。",
        "When the front reaches gates and receptors: 5, 50 and 95 % of an ensemble of flows. It "
        "follows the readings as they confirm or contradict it.",
    ),
    "时间线": Text(
        "这次事件里人和机器做过的每一步，只能追加，不能修改。",
        "Every step of people and machines in this incident; lines are added, never changed.",
    ),
    # administration
    "站点与报文合规": Text(
        "每台数采仪收到的报文、拒收、与标准的偏离和时钟偏差，自网关启动起累计。",
        "Frames, rejects, deviations from the standard and clock skew of every logger, since the "
        "gateway was started.",
    ),
    "拒收报文": Text(
        "用不了的报文连同原因和原始字节都留着，这里是最近的。",
        "Frames that could not be used are kept with the reason and their bytes; these are the newest.",
    ),
    "用户": Text("能登录的人和他们的角色。", "Who can sign in, and as what."),
    "审计": Text("谁在什么时候做了什么；只能追加。", "Who did what, and when; lines are only added."),
    "数采仪": Text(
        "每台数采仪的版本、最近一次报文、时钟偏差和合规评分。评分是不带偏离的报文所占份额。",
        "Each logger's version, last frame, clock skew and conformance: the share of frames "
        "without a deviation.",
    ),
    "拒收与原始字节": Text(
        "选中的数采仪被拒收的报文，逐字节显示，并写明拒收原因。",
        "Rejected frames of the logger chosen, byte by byte, with the reason.",
    ),
    "向数采仪提请求": Text(
        "平台可以按 HJ 212 向数采仪要数据、校时、改间隔、远程留样。需要签名，结果记入审计。",
        "What a platform may ask of a logger by HJ 212: values, time, intervals, samples. It is "
        "signed and audited.",
    ),
    "请求和结果": Text(
        "提过的请求和数采仪的回答，新的在前。", "What was asked and what the logger answered, newest first."
    ),
    "其他接入": Text(
        "MQTT、Modbus、OPC UA 的接入状态和计数，由接入文件（TWIN_DOORS）规定。",
        "State and counts of MQTT, Modbus and OPC UA doors, as the file TWIN_DOORS says.",
    ),
    "接口补录": Text(
        "别的系统可以把缺的读数通过接口补进来；每一行被拒都写明原因。",
        "Other systems may fill in readings that are missing; every refused row says why.",
    ),
    "转发上级平台": Text(
        "向上级平台转发的队列：已发、待发、没有应答的。断开时存在磁盘上，恢复后补发。",
        "The queues to upper platforms: sent, waiting, unanswered. They are kept on disk while a "
        "platform is away.",
    ),
    "候选园区": Text(
        "导入文件得到的园区，还没有启用。", "The park that the files make; it is not in use yet."
    ),
    "各图层与字段": Text(
        "每个图层读成什么、每个字段对应什么。猜测的都标明依据，可以改，可以存成映射再用。",
        "What each layer and field is read as. Every guess shows its reason, can be changed, and "
        "be saved as a mapping.",
    ),
    "请确认这": Text(
        "这些判断程序不替你做主：坐标系、编码、坐标顺序等，附上依据，确认后才算数。",
        "What is not decided without you: coordinate system, encoding, axis order. Each shows its proof.",
    ),
    "读不了的": Text("这些文件或行没有用上，原因写在旁边。", "Files or rows that were not used, and why."),
    "现用园区": Text(
        "现在使用的园区的检查结果。点一条，地图飞到那里；安全的修改可以预览、采用、撤销。",
        "What was found in the park in use. A finding flies the map there; safe mends can be tried "
        "and undone.",
    ),
    "已采用": Text(
        "已经采用的修改还没有保存；可以逐项撤销，保存后成为新版本。",
        "Mends taken are not saved yet; each can be undone, and saving makes a version.",
    ),
    "旧版本": Text("一个旧版本的检查结果，只看不改。", "What was found in an old version, to look at."),
    "正在导入的候选": Text(
        "正在导入、还没有启用的园区的检查结果。", "What was found in the park being imported, not in use yet."
    ),
    "修改预览": Text("这次修改会改动什么，采用前后对照。", "What the mend changes, before and after."),
    "版本": Text(
        "园区资料的每个版本都保留，带内容指纹。可以比较，可以恢复；启用新版本不需要重启。",
        "Every version of the park is kept with its fingerprint. Compare or restore any; no "
        "restart is needed.",
    ),
    "导入指纹表": Text(
        "选一张 CSV：先在右边看它会改变哪家企业、哪个排口、哪个因子，或哪行哪列要改。签名之前什么都不收。",
        "Choose a CSV: on the right is what it would change of which enterprise, outlet and factor, or "
        "which row and field to mend. Nothing is taken before it is signed.",
    ),
    "这张表会改变什么": Text(
        "表里与现用指纹不同的行，按企业和排口列出。没有提到的指纹保持不变。",
        "Rows that are other than what is in force, by enterprise and outlet. What the table does not "
        "name stays as it is.",
    ),
    "指纹库版本": Text(
        "每次改变都成为一个版本，一个不少。选一个看它改了什么；旧版本可以恢复，恢复也成为新版本。",
        "Every change makes a version and none is lost. Choose one to see what it changed; an older "
        "one can hold again, and that is a version too.",
    ),
    "现用指纹": Text(
        "溯源时用来比对的水质：未稀释的废水，和平时从各排口出来的水。超过一年的标出来，应当重新测。",
        "The waters that tracing compares with: undiluted ones, and what usually leaves each outlet. "
        "Those older than a year are marked: they should be measured again.",
    ),
    "从": Text(
        "两个版本之间增加、删除、移动和改动了什么。",
        "What was added, removed, moved and changed between two versions.",
    ),
    # the map
    "站点级别": Text(
        "现在各级别的站点数。颜色旁边有形状；离线的是灰色，从不算作正常。",
        "Stations by level now. Shapes stand beside colours; a silent station is grey, never normal.",
    ),
    "纵断面": Text(
        "沿这条路线的地面、管底和水位。缺的高程不画，推算的用虚线。",
        "Ground, bed and water along the way. Levels that are missing are not drawn.",
    ),
    "导出与接口": Text(
        "把园区资料存成文件，或在 GIS 软件里直接加载实时图层。",
        "The park as a file, or as a live layer in GIS programs.",
    ),
}
ENDS: dict[str, Text] = {
    "版改了什么": Text(
        "这一版与前一版的不同之处，按企业和排口列出。",
        "What is other in this version than in the one before, by enterprise and outlet.",
    ),
    "近 24 小时": Text(
        "这个点位一天的读数。上方虚线是限值；缺数的地方断开。点下面的因子换一条。",
        "One point's last day. The dashed line is its limit; gaps stay gaps. Choose another factor below.",
    ),
}


def of(title: Text) -> Text | None:
    """Return what is said of a panel, by its heading."""
    said = ABOUT.get(title.zh)
    if said is not None:
        return said
    starts = [key for key in ABOUT if title.zh.startswith((f"{key} ", f"{key}这")) or _counted(title.zh, key)]
    if starts:
        return ABOUT[max(starts, key=len)]
    return next((text for end, text in ENDS.items() if title.zh.endswith(end)), None)


def _counted(heading: str, key: str) -> bool:
    """A heading that begins with the key and goes on with a number: 请确认这 3 项."""
    rest = heading.removeprefix(key)
    return rest != heading and rest.lstrip()[:1].isdigit()


def aria(label: str) -> dict[str, Any]:
    """Return the name of an element for who hears the page."""
    return {"aria-label": label}


def mark(title: Text, lang: Lang) -> html.Button | None:
    """Return a panel's question mark; None where nothing is said of it."""
    said = of(title)
    if said is None:
        return None
    label = f"{LABEL.say(lang)}: {title.say(lang)}"
    return html.Button(
        "?", className="about", title=said.say(lang), **data(about=said.say(lang)), **aria(label)
    )
