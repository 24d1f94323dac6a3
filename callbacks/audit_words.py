"""What is on record, in words: the names of acts, and of the programs that act by themselves."""

from __future__ import annotations

from collections.abc import Mapping

from geodata.words import Lang, Text

ACTS: Mapping[str, Text] = {
    "backfill": Text("补传读数", "back-filled readings"),
    "command.approved": Text("批准指令", "approved an order"),
    "command.done": Text("闸门已到位", "gate in position"),
    "command.failed": Text("闸门未到位", "gate not in position"),
    "command.left": Text("指令未跟完", "order left unfinished"),
    "command.moving": Text("闸门动作", "gate moving"),
    "command.ordered": Text("下达指令", "gave an order"),
    "command.proposed": Text("拟定指令", "proposed an order"),
    "command.refused": Text("退回指令", "sent an order back"),
    "command.sent": Text("下发指令", "order sent"),
    "command.unsent": Text("指令未发出", "order not sent"),
    "draft.asked": Text("要求推演", "asked for a simulation"),
    "draft.cancelled": Text("取消推演", "cancelled a simulation"),
    "draft.done": Text("推演完成", "simulation done"),
    "drill.refused": Text("演练操作被拒", "drill refused"),
    "drill.speed": Text("调整演练速度", "changed the speed of the drill"),
    "drill.start": Text("开始演练", "started a drill"),
    "drill.stop": Text("结束演练", "ended a drill"),
    "evidence.exported": Text("导出证据包", "exported evidence"),
    "fingerprints.changed": Text("更新指纹库", "changed the fingerprint library"),
    "fingerprints.exported": Text("导出指纹库", "exported the fingerprint library"),
    "fingerprints.turned_back": Text("恢复旧指纹库", "restored an older library"),
    "flood.lifted": Text("解除防汛锁定", "lifted a flood lock"),
    "flood.locked": Text("设置防汛锁定", "set a flood lock"),
    "flood.override": Text("越过防汛锁定", "overrode a flood lock"),
    "forward.again": Text("重新转发", "sent again"),
    "gate.stated": Text("现场陈述闸位", "stated how a gate stands"),
    "incident.review": Text("复核事件", "reviewed an incident"),
    "interlock.unknown": Text("联锁条件不明", "interlock unknown"),
    "logger.ask": Text("反控数采仪", "asked a logger"),
    "note.added": Text("记一笔", "wrote a note"),
    "order.refused": Text("指令被拒", "order refused"),
    "park.exported": Text("导出园区资料", "exported the park"),
    "park.import": Text("导入园区资料", "imported files"),
    "park.restore": Text("恢复园区版本", "restored a version of the park"),
    "park.version": Text("保存园区版本", "saved a version of the park"),
    "sample.entered": Text("录入采样结果", "entered a sample"),
    "sign.failed": Text("签名失败", "signature failed"),
    "sign.refused": Text("签名被拒", "signature refused"),
    "signed.in": Text("登录", "signed in"),
    "signin.refused": Text("登录被拒", "sign-in refused"),
}
ENDINGS: Mapping[str, Text] = {
    ".failed": Text("{act}：口令不对", "{act}: wrong password"),
    ".refused": Text("{act}：无此权限", "{act}: not permitted"),
}
PROGRAMS: Mapping[str, Text] = {
    "advise": Text("建议程序", "the advice"),
    "control": Text("闸门控制程序", "the gate control"),
    "learn": Text("在线学习", "learning from meters"),
}


def said(act: str, lang: Lang) -> str:
    """Return an act in words; one that has none stays as it is."""
    if act in ACTS:
        return ACTS[act].say(lang)
    for ending, words in ENDINGS.items():
        if act.removesuffix(ending) in ACTS:
            return words.fill(act=ACTS[act.removesuffix(ending)]).say(lang)
    return act


def named(who: str, people: Mapping[str, Text], lang: Lang) -> str:
    """Return who acted: a person by name, a program by what it is."""
    found = people.get(who) or PROGRAMS.get(who)
    return found.say(lang) if found else who
