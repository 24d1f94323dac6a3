"""The command `twin`: one word a role or a task. Nothing heavy is imported before it is known which."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from geodata.catalogues import SHIPPED
from geodata.catalogues import load as wordings
from geodata.words import Lang, Text, as_lang, speak
from geodata.zone import live_in
from twin import bench_command
from twin.config import Config, load
from twin.errors import TwinError
from twin.supervisor import die_with_parent

ABOUT = Text(
    "化工园区水污染应急数字孪生：从一个 HJ 212 报文，到溯源名单和最晚关闸时间。",
    "Pollution-emergency digital twin for chemical parks: from an HJ 212 packet to a named source and a gate "
    "deadline.",
)
ROLES = {
    "gateway": Text("数采仪接入：HJ 212 报文到数据流", "role: HJ 212 frames from loggers into the stream"),
    "doors": Text("其他接入：MQTT、Modbus、OPC UA", "role: MQTT, Modbus and OPC UA into the stream"),
    "forward": Text("转发：报文送上级平台", "role: frames relayed to upper platforms"),
    "watch": Text("监视：读数到异常和事件，写历史", "role: readings to anomalies and incidents; history"),
    "advise": Text("研判：溯源、关闸方案、闸门指令", "role: sources, gate plans, gate commands"),
    "web": Text("页面", "role: the pages"),
    "redis": Text("内嵌数据流服务", "role: the embedded stream server"),
}
FORWARD = {
    "show": Text(
        "每个上级平台：连接、待送、滞后、拒绝", "each platform: its line, what waits, what it refused"
    ),
    "again": Text("重新发送被拒绝的或一段时间的报文", "send again what was refused, or a span of time"),
}
DEMO = Text("演示园区：启动全部进程并给出网址", "the demo park: start every role and print the address")
SIM = Text(
    "演练用的外部世界：水、数采仪、闸门控制器", "role: the drill's outside world: water, loggers, gate PLCs"
)
HJ212 = Text("HJ 212 工具", "HJ 212 tools")
DECODE = Text("把 HJ 212 字节解析为 JSON", "read HJ 212 bytes, print JSON")
BACKFILL = Text("补录 CSV、Excel 里的历史数据", "readings of the past out of CSV and Excel files")
REPLAY = Text("回放一段已记录的时间，在独立的回放园区里", "a recorded time shown again, in a park of its own")
BEGIN = Text("从何时开始，如 2026-11-20", "where it begins, such as 2026-11-20")
END = Text("到何时为止", "where it ends")
PORT = Text("页面端口", "port of the pages")
MAPPING = Text("说明各列含义的 TOML 文件", "TOML file that says what the columns are")
KIND_OF_ALL = Text(
    "没有类型列时：2011 实时、2051 分钟、2061 小时、2031 日",
    "where no column says it: 2011 real-time, 2051 minute, 2061 hour, 2031 day",
)
STATION_OF_ALL = Text("没有站点列时：站点编号或 MN", "where no column says it: station or MN")
FLAG_OF_ALL = Text(
    "没有标记列时的数据标记，人工录入为 S", "mark where no column says it, S for typed in by hand"
)
ENCODING = Text("CSV 的编码", "charset of a CSV file")
BY = Text("写入审计的姓名", "name for the audit")
USERS = Text("用户账号", "user accounts")
USERS_ADD = Text("新增或修改一个账号", "add an account, or change it")
PARK = Text("园区文件", "the park's file")
PARK_IMPORT = Text("把测绘、设计和模型文件合成园区文件", "make a park of survey, design and model files")
PARK_CHECK = Text("检查园区文件：错误、位置、处理办法", "what is wrong in a park file, where, and the mend")
PARK_TRACE = Text("从任一要素向上游或下游追踪", "trace upstream or downstream of anything in a park file")
PARK_PATH = Text("水从一处到另一处的路径和纵断面", "the way of water between two places, with its profile")
PARK_DRAINS = Text("哪些企业和多大面积汇到一处", "which enterprises and how much ground drain to a place")
PARK_EXPORT = Text("写成 GeoPackage、GeoJSON 或 Excel", "write the park as GeoPackage, GeoJSON or Excel")
PARK_TASKS = {
    "import": ("twin.park_command", "main"),
    "check": ("twin.park_check", "main"),
    "trace": ("twin.park_trace", "main"),
    "path": ("twin.park_query", "path"),
    "drains": ("twin.park_query", "drains"),
    "export": ("twin.park_export", "main"),
}
PARK_INFO = Text("园区文件里有什么", "what the park's file holds")
PLAN = Text(
    "一次泄漏的关闸方案：园区文件或 SWMM 模型", "gate plan of a stated release: a park file or a SWMM model"
)
FINGERPRINTS = Text("水质指纹库：导出、导入、学习", "the fingerprint library: export, import, learn")
ASK = Text("向数采仪提一个 HJ 212 请求", "ask a logger something over HJ 212")
TEXTS = Text("园区自己的用词和其他语言", "wordings of the park's own, and further languages")
RERUN = Text("按记录重算一次疑似源排序，核对数值", "make a ranking on record again, compare the numbers")
ALONE = {  # commands with a grammar of their own
    "ask": "twin.ask_command",
    "fingerprints": "twin.fingerprint_command",
    "plan": "twin.plan_command",
    "rerun": "twin.rerun_command",
    "texts": "twin.texts_command",
}
BENCH = Text("性能测量", "measurements")
VERSION = Text("版本号", "the version")
SCENARIO = Text("情景名称，见 --list", "name of the scenario, see --list")
SPEED = Text("园区时间比真实时间快多少倍,1 到 600", "times as fast as real time, 1 to 600")
SEED = Text("随机种子：决定企业、强度、时长、水量", "seed: decides enterprise, strength, duration and flow")
LIST = Text("列出情景名称，每行一个", "print the scenarios' names, one a line")
CHECK = Text(
    "不开页面，由两名脚本用户审批，结果写成一行 JSON",
    "without pages; two scripted users approve; the result is one line of JSON",
)
NO_BROWSER = Text("不打开浏览器", "open no browser")
PAST = Text("演练开始前补传多少小时的分钟和小时数据", "hours of minute and hour data sent before the drill")
REFEREE = Text("仅供裁判使用的文件", "file for the referee alone")
PASSWORD = Text("密码（从标准输入读一行）", "password (one line of standard input)")
SHORT = Text("密码至少 8 个字符", "a password needs 8 characters or more")
NOT_A_SPEED = Text("速度应在 1 到 600 之间", "a speed lies between 1 and 600")


class _Help(argparse.HelpFormatter):
    """Usage in the reader's language."""

    usage = "usage: "

    def add_usage(self, usage, actions, groups, prefix=None):  # type: ignore[no-untyped-def]
        """As the library does, with our own first word."""
        return super().add_usage(usage, actions, groups, self.usage if prefix is None else prefix)


class _HelpZh(_Help):
    usage = "用法: "


class _Parser(argparse.ArgumentParser):
    """A parser whose headings are in the reader's language."""

    lang: Lang = "en"

    def __init__(self, *args: object, **kwargs: object) -> None:
        kwargs.setdefault("formatter_class", _HelpZh if self.lang == "zh" else _Help)
        kwargs["add_help"] = False
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        zh = self.lang == "zh"
        self._positionals.title = "命令和参数" if zh else "commands and arguments"
        self._optionals.title = "选项" if zh else "options"
        text = "显示本帮助" if zh else "show this help"
        self.add_argument("-h", "--help", action="help", help=text)


class _ParserZh(_Parser):
    lang: Lang = "zh"


def parser(lang: Lang) -> argparse.ArgumentParser:
    """Return the command line's grammar, with help in a language."""
    kind = _ParserZh if lang == "zh" else _Parser
    top = kind(prog="twin", description=ABOUT.say(lang))
    words = top.add_subparsers(dest="word", metavar="COMMAND", parser_class=kind)

    def add(name: str, about: Text) -> argparse.ArgumentParser:
        return words.add_parser(name, help=about.say(lang), description=about.say(lang))

    demo = add("demo", DEMO)
    _drill_options(demo, lang)
    demo.add_argument("--list", action="store_true", help=LIST.say(lang))
    demo.add_argument("--check", action="store_true", help=CHECK.say(lang))
    demo.add_argument("--no-browser", action="store_true", help=NO_BROWSER.say(lang))
    for name, about in ROLES.items():
        role = add(name, about)
        if name == "forward":
            tasks = role.add_subparsers(dest="task", metavar="TASK", parser_class=kind)
            for task, text in FORWARD.items():
                tasks.add_parser(task, help=text.say(lang), add_help=False)
    sim = add("sim", SIM)
    _drill_options(sim, lang)
    sim.add_argument("--past-hours", type=float, default=24.0, metavar="H", help=PAST.say(lang))
    for name in ("--truth", "--journal"):
        sim.add_argument(name, type=Path, metavar="FILE", help=REFEREE.say(lang))
    hj212 = add("hj212", HJ212).add_subparsers(dest="task", required=True, metavar="TASK", parser_class=kind)
    hj212.add_parser("decode", help=DECODE.say(lang), add_help=False)
    _backfill_options(add("backfill", BACKFILL), lang)
    _replay_options(add("replay", REPLAY), lang)
    users = add("users", USERS).add_subparsers(dest="task", required=True, metavar="TASK", parser_class=kind)
    user = users.add_parser("add", help=USERS_ADD.say(lang), description=USERS_ADD.say(lang))
    user.add_argument("name")
    user.add_argument(
        "--role", required=True, choices=("viewer", "manager", "duty_officer", "commander", "admin")
    )
    user.add_argument("--zh", default="", metavar="NAME")
    user.add_argument("--en", default="", metavar="NAME")
    park = add("park", PARK).add_subparsers(dest="task", required=True, metavar="TASK", parser_class=kind)
    park.add_parser("import", help=PARK_IMPORT.say(lang), add_help=False)
    park.add_parser("check", help=PARK_CHECK.say(lang), add_help=False)
    park.add_parser("trace", help=PARK_TRACE.say(lang), add_help=False)
    park.add_parser("path", help=PARK_PATH.say(lang), add_help=False)
    park.add_parser("drains", help=PARK_DRAINS.say(lang), add_help=False)
    park.add_parser("export", help=PARK_EXPORT.say(lang), add_help=False)
    park.add_parser("info", help=PARK_INFO.say(lang), description=PARK_INFO.say(lang))
    words.add_parser("plan", help=PLAN.say(lang), add_help=False)
    words.add_parser("fingerprints", help=FINGERPRINTS.say(lang), add_help=False)
    words.add_parser("ask", help=ASK.say(lang), add_help=False)
    words.add_parser("rerun", help=RERUN.say(lang), add_help=False)
    words.add_parser("texts", help=TEXTS.say(lang), add_help=False)
    bench = add("bench", BENCH)
    bench_command.options(
        bench.add_subparsers(dest="task", required=True, metavar="TASK", parser_class=kind), lang
    )
    add("version", VERSION)
    return top


def _backfill_options(p: argparse.ArgumentParser, lang: Lang) -> None:
    p.add_argument("files", nargs="+", type=Path, metavar="FILE")
    p.add_argument("--mapping", type=Path, metavar="FILE", help=MAPPING.say(lang))
    p.add_argument("--kind", choices=("2011", "2051", "2061", "2031"), help=KIND_OF_ALL.say(lang))
    for option, name, about in (
        ("station", "ID", STATION_OF_ALL),
        ("flag", "MARK", FLAG_OF_ALL),
        ("encoding", "NAME", ENCODING),
        ("by", "NAME", BY),
    ):
        p.add_argument(f"--{option}", default="", metavar=name, help=about.say(lang))


def _replay_options(p: argparse.ArgumentParser, lang: Lang) -> None:
    p.add_argument("--from", required=True, dest="begin", metavar="TIME", help=BEGIN.say(lang))
    p.add_argument("--to", required=True, dest="end", metavar="TIME", help=END.say(lang))
    p.add_argument("--speed", type=float, default=60.0, metavar="N", help=SPEED.say(lang))
    p.add_argument("--port", type=int, metavar="N", help=PORT.say(lang))
    p.add_argument("--no-browser", action="store_true", help=NO_BROWSER.say(lang))


def _drill_options(p: argparse.ArgumentParser, lang: Lang) -> None:
    def speed(text: str) -> float:
        value = float(text)
        if not 1.0 <= value <= 600.0:
            raise argparse.ArgumentTypeError(NOT_A_SPEED.say(lang))
        return value

    p.add_argument("--scenario", metavar="NAME", help=SCENARIO.say(lang))
    p.add_argument("--speed", type=speed, metavar="N", help=SPEED.say(lang))
    p.add_argument("--seed", type=int, default=1, metavar="N", help=SEED.say(lang))


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code: 0 well, 1 not as asserted, 2 a wrong setting or argument."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        config = load()
        speak(wordings(SHIPPED, config.locale))
        live_in(config.zone)
        lang = as_lang(config.lang)
        die_with_parent(config.environment)
        if words[:2] == ["hj212", "decode"]:
            from twin.ingest.hj212.decode import main as decode

            return decode(words[2:], lang)
        if words[:1] == ["park"] and words[1:2] and words[1] in PARK_TASKS:
            module, function = PARK_TASKS[words[1]]
            answer: int = getattr(import_module(module), function)(words[2:], lang, config.flows)
            return answer
        if words[:1] == ["forward"] and words[1:2] and words[1] in FORWARD:
            from twin.forward_command import main as forward

            return forward(words[1:], lang, config)
        if words[:1] and words[0] in ALONE:
            outcome: int = import_module(ALONE[words[0]]).main(words[1:], lang, config)
            return outcome
        grammar = parser(lang)
        options = grammar.parse_args(words)
        if options.word is None:
            grammar.print_help()
            return 2
        return COMMANDS[options.word](config, options)
    except TwinError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except KeyboardInterrupt:
        return 130


def _demo(config: Config, o: argparse.Namespace) -> int:
    from twin.simulate.scenarios import DEFAULT, KINDS, kind_of

    if o.list:
        sys.stdout.write("".join(f"{k.name}\n" for k in KINDS))
        return 0
    scenario = kind_of(o.scenario or DEFAULT).name
    if o.check:
        from twin import check

        return check.run(config, scenario, o.speed or check.SPEED, o.seed)
    from twin import demo

    return demo.run(config, scenario, o.speed or demo.SPEED, o.seed, browser=not o.no_browser)


def _sim(config: Config, o: argparse.Namespace) -> int:
    from twin.simulate import world
    from twin.simulate.scenarios import DEFAULT, kind_of

    scenario = kind_of(o.scenario or DEFAULT).name
    options = world.Options(scenario, o.speed or world.SPEED, o.seed, o.past_hours, o.truth, o.journal)
    world.serve(config, options)
    return 0


def _gateway(config: Config, _: argparse.Namespace) -> int:
    from twin.ingest import serve

    serve.run(config)
    return 0


def _doors(config: Config, _: argparse.Namespace) -> int:
    from twin.ingest import doors

    doors.run(config)
    return 0


def _forward(config: Config, _: argparse.Namespace) -> int:
    from twin.forward import relay

    relay.run(config)
    return 0


def _watch(config: Config, _: argparse.Namespace) -> int:
    from twin import worker

    worker.watch(config)
    return 0


def _advise(config: Config, _: argparse.Namespace) -> int:
    from twin import worker

    worker.advise(config)
    return 0


def _web(config: Config, _: argparse.Namespace) -> int:
    from callbacks.app import serve

    serve(config)
    return 0


def _redis(config: Config, _: argparse.Namespace) -> NoReturn:
    """Become the stream server: the process keeps its id, so the supervisor watches the server itself."""
    from twin import embedded

    socket = Path(config.redis.removeprefix("unix://"))
    line = embedded.command(config.data / "redis", socket)
    os.execv(line[0], line)  # noqa: S606 - our own command line


def _hj212(config: Config, o: argparse.Namespace) -> int:
    raise AssertionError("decode is taken before the grammar is asked")


def _backfill(config: Config, o: argparse.Namespace) -> int:
    from twin.ingest import backfill

    return backfill.run(config, o)


def _replay(config: Config, o: argparse.Namespace) -> int:
    from twin import replay

    if not replay.SPEEDS[0] <= o.speed <= replay.SPEEDS[1]:
        sys.stderr.write(NOT_A_SPEED.say(as_lang(config.lang)) + "\n")
        return 2
    span = replay.Span.read(o.begin, o.end)
    return replay.run(config, span, o.speed, o.port, browser=not o.no_browser)


def _users(config: Config, o: argparse.Namespace) -> int:
    from getpass import getpass

    from twin.access import Access
    from twin.records import Records

    lang = as_lang(config.lang)
    prompt = f"{PASSWORD.say(lang)}: "
    password = getpass(prompt) if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    if len(password) < 8:
        sys.stderr.write(SHORT.say(lang) + "\n")
        return 2
    config.data.mkdir(parents=True, exist_ok=True)
    records = Records(config.db)
    try:
        records.create()
        Access(records).add_user(o.name, Text(o.zh or o.name, o.en or o.name), o.role, password)
    finally:
        records.close()
    return 0


def _park(config: Config, _: argparse.Namespace) -> int:
    from twin import park_info

    return park_info.run(config)


def _version(config: Config, _: argparse.Namespace) -> int:
    from importlib.metadata import version

    sys.stdout.write(f"park-twin {version('park-twin')}\n")
    return 0


COMMANDS: dict[str, Callable[[Config, argparse.Namespace], int]] = {
    "demo": _demo,
    "sim": _sim,
    "gateway": _gateway,
    "doors": _doors,
    "forward": _forward,
    "watch": _watch,
    "advise": _advise,
    "web": _web,
    "redis": _redis,
    "hj212": _hj212,
    "backfill": _backfill,
    "replay": _replay,
    "users": _users,
    "park": _park,
    "bench": bench_command.run,
    "version": _version,
}


if __name__ == "__main__":
    raise SystemExit(main())
