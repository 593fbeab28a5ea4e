"""Chinese names as people born between the 1930s and the 1980s bear them."""

import random
from typing import Final, Literal

Gender = Literal["female", "male"]


def _words(text: str) -> list[str]:
    return text.split()


SURNAMES: Final[tuple[str, ...]] = (
    *"王李张刘陈杨黄赵周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅",
    *"沈曾彭吕苏卢蒋蔡贾丁魏薛叶余潘杜戴夏钟汪田任姜范方石姚谭廖",
)
_SURNAME_WEIGHTS: Final = tuple(max(1, 40 - rank) for rank in range(len(SURNAMES)))

_OLD_FEMALE: Final = _words(
    "桂芳 秀英 淑珍 玉兰 素华 德芬 昌碧 秀兰 桂英 淑华 玉珍 素芳 国碧 永芬 天秀 正芳 光淑 成玉 明珍 兴碧 "
    "桂兰 秀芳 淑芬 玉华 素珍 德秀 世芳 秀珍 凤英 淑兰 玉梅 素清 德玉 永秀 天珍 正英 光碧 成芳 明秀 兴珍 "
    "春华 月英 菊芳 翠华 惠芳 琼 芳 珍 兰 碧"
)
_OLD_MALE: Final = _words(
    "国强 建国 德明 永福 天云 正华 光荣 成林 明全 兴发 世荣 昌明 国富 德贵 永清 天福 正云 光明 成德 明忠 "
    "兴华 世全 昌荣 国清 德荣 永贵 天华 正明 光辉 成贵 明福 兴国 世明 昌福 志明 文华 家富 大全 朝富 仁贵 "
    "树清 绍云 启明 泽民 长贵 学文 福 贵 华 明"
)
_YOUNG_FEMALE: Final = _words(
    "丽 敏 静 燕 红梅 晓琴 春梅 小红 雪梅 晓霞 丽娟 建英 文静 小玲 玉洁 晓丽 秋菊 海燕 利群 冬梅 莉 芳 艳 娟 霞 萍"
)
_YOUNG_MALE: Final = _words(
    "强 伟 勇 军 建军 小平 志刚 晓东 建华 文军 海波 小林 永红 卫东 国庆 劲松 洪波 家伟 晓明 春林 涛 刚 波 平 毅 超"
)


def surname(rng: random.Random) -> str:
    """A surname, the common ones more often."""
    return rng.choices(SURNAMES, _SURNAME_WEIGHTS)[0]


def elder_name(rng: random.Random, gender: Gender, family: str | None = None) -> str:
    """The name of somebody of 62 or more; `family` fixes the surname."""
    return (family or surname(rng)) + rng.choice(_OLD_FEMALE if gender == "female" else _OLD_MALE)


def younger_name(rng: random.Random, gender: Gender, family: str | None = None) -> str:
    """The name of a child, a neighbour or a grid worker."""
    return (family or surname(rng)) + rng.choice(_YOUNG_FEMALE if gender == "female" else _YOUNG_MALE)
