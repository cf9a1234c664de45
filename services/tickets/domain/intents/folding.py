"""Text as lexicons compare it: letters that people type for one another are one (architecture.md §8)."""

import re
import unicodedata

_BREAKS = ".!?;。！？؟…｡؛।"
_TRADITIONAL = (
    "複复訂订單单貨货發发運运費费請请嗎吗裝装壞坏錯错碼码價价優优賬账帳账號号戶户電电話话郵邮訊讯網网頁页點点擊击開开關关應应閃闪顯显題题為为麼么還还沒没時时間间過过這这個个們们來来買买賣卖換换剛刚從从後后週周"
    "幾几錢钱銀银異异議议絕绝評评產产質质圍围嚴严謝谢動动復复覆复雙双筆笔樣样現现無无獎奖學学歲岁萬万陸陆國国灣湾處处問问說说給给誰谁讓让預预約约維维證证據据報报稅税務务訴诉態态騙骗極极遞递達达陳陈實实體体"
    "狀状況况條条麗丽遲迟見见長长門门級级結结帶带錄录註注冊册銷销閱阅廣广簡简減减輸输尋寻紋纹聯联絡络樓楼補补確确認认檢检測测連连線线斷断當当機机轉转輛辆圖图視视頻频適适較较爛烂髒脏內内媽妈禮礼煩烦幫帮勵励"
    "歡欢讚赞誇夸張张顏颜藍蓝紅红綠绿淺浅聽听馬马車车購购籃篮籌筹額额撥拨詢询變变選选數数總总舊旧緊紧試试盡尽檔档導导觸触鐘钟雖虽彈弹賠赔償偿鏈链滿满與与損损溫温園园歷历傳传濟济進进壓压書书責责負负欄栏夾夹"
    "懷怀師师卻却"
)
_LETTERS = {
    "ي": "ی",
    "ى": "ی",
    "ك": "ک",
    "ة": "ه",
    "ۀ": "ه",
    "أ": "ا",
    "إ": "ا",
    "آ": "ا",
    "ٱ": "ا",
    "ؤ": "و",
    "ł": "l",
    "ø": "o",
    "đ": "d",
    "æ": "a",
    "œ": "o",
    "ı": "i",
}
_GONE = "\x00"
_PREFIX_APART = re.compile(r"(?<![^ \n])(ن?می) (?=\S)")
_UNSPACED = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
_MEETING = re.compile(r"(?<=[\u3040-\u30ff\u4e00-\u9fff])(?=[a-z0-9])|(?<=[a-z0-9])(?=[\u3040-\u30ff\u4e00-\u9fff])")
"""Where a script without spaces meets Latin letters or digits: those are words of their own."""
_SPACES = re.compile(" {2,}")


def _table() -> str:
    """For each letter of the basic plane the one that stands for it: an index is quicker than a dictionary's misses."""
    table = [chr(code) for code in range(0x10000)]
    for code in range(0x10000):
        wide = unicodedata.normalize("NFKC", table[code])
        table[code] = wide if len(wide) == 1 else table[code]
        if unicodedata.category(chr(code))[0] in "PZCS":
            table[code] = " "
    for code in (*range(0x00C0, 0x0250), *range(0x1E00, 0x1F00)):
        table[code] = unicodedata.normalize("NFD", chr(code))[0]
    for code in (*range(0x0300, 0x0370), *range(0x064B, 0x0660), 0x0670, 0x0640, 0x00AD, 0xFEFF, 0xFE0F):
        table[code] = _GONE
    for code in range(0x200B, 0x2010):
        table[code] = _GONE
    for was, is_ in zip(_TRADITIONAL[::2], _TRADITIONAL[1::2], strict=True):
        table[ord(was)] = is_
    for was, is_ in _LETTERS.items():
        table[ord(was)] = is_
    for mark in _BREAKS:
        table[ord(mark)] = "\n"
    for digit in range(10):
        table[0x0660 + digit] = table[0x06F0 + digit] = str(digit)
    return "".join(table)


_TABLE = _table()


def fold(text: str) -> str:
    """Case, marks, widths and look-alike letters folded; sentences stand on lines, words are divided by one space.

    A line of the source ends no sentence, since mails are wrapped; an empty line does.
    """
    text = text.replace("\n\n", ".")
    if text.isascii():
        folded = text.lower().translate(_TABLE)
    else:
        folded = unicodedata.normalize("NFC", text.casefold().translate(_TABLE).replace(_GONE, ""))
        if _UNSPACED.search(folded):
            folded = _MEETING.sub(" ", folded)
        if "می " in folded:
            folded = _PREFIX_APART.sub(r"\1", folded)
    return _SPACES.sub(" ", folded)
