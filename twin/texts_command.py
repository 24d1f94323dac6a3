"""`twin texts FOLDER`: bring a park's wordings up to the program's texts and say what they lack."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from geodata.catalogues import Account, messages, write
from geodata.words import Lang, Text
from twin.config import Config

ABOUT = Text(
    "园区自己的用词：更新目录里的各语言对照表（gettext），编译，并报告缺什么。TWIN_LOCALE 指向该目录即启用",
    "wordings of a park: brings the gettext catalogues of a folder up to date, compiles them and says what "
    "is missing. TWIN_LOCALE names the folder to use",
)
FOLDER = Text("放对照表的目录", "folder of the catalogues")
ADD = Text("新增一种语言，如 ja、zh_CN", "add a language, such as ja or zh_CN")
SHOW = Text("列出没有译文的句子，最多几条", "print so many of the texts without a wording")
DONE = Text(
    "{lang}：有用词 {n} 条，没有的 {missing} 条（用英文），与占位符不符的 {faulty} 条（用原文）",
    "{lang}: {n} worded, {missing} not (said in English), {faulty} with other values (the program's is said)",
)
EMPTY = Text("{folder} 里没有对照表；用 --add 加一种语言", "{folder} has no catalogue; --add makes one")
UNKNOWN = Text("没有这种语言：{name}", "there is no such language: {name}")
ROOT = Path(__file__).parent.parent


def main(words: Sequence[str], lang: Lang, config: Config) -> int:
    """Update every catalogue of a folder.

    Returns
    -------
    int
        0 done; 1 where wordings are faulty; 2 where there is nothing to do or no such language.
    """
    del config
    grammar = argparse.ArgumentParser(prog="twin texts", description=ABOUT.say(lang))
    grammar.add_argument("folder", type=Path, metavar="FOLDER", help=FOLDER.say(lang))
    grammar.add_argument("--add", metavar="LANGUAGE", help=ADD.say(lang))
    grammar.add_argument("--show", type=int, default=0, metavar="N", help=SHOW.say(lang))
    o = grammar.parse_args(list(words))
    there = {p.parent.parent.name for p in o.folder.glob("*/LC_MESSAGES/twin.po")}
    locales = sorted(there | ({o.add} if o.add else set()))
    if not locales:
        sys.stderr.write(EMPTY.fill(folder=o.folder).say(lang) + "\n")
        return 2
    found = messages(ROOT)
    accounts: list[Account] = []
    for locale in locales:
        try:
            accounts.append(write(o.folder, locale, found))
        except ValueError:
            sys.stderr.write(UNKNOWN.fill(name=locale).say(lang) + "\n")
            return 2
    for a in accounts:
        count = DONE.fill(lang=a.lang, n=a.worded, missing=len(a.missing), faulty=len(a.faulty))
        lines = [count.say(lang), *(f"  ! {w}" for w in a.faulty), *(f"  {w}" for w in a.missing[: o.show])]
        sys.stdout.write("\n".join(lines) + "\n")
    return 1 if any(a.faulty for a in accounts) else 0
