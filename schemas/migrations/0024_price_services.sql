-- migrate:up
-- A district can sell an item on its own terms: its own version then stands in for the one that all districts share. A
-- version that is not offered says that the item cannot be ordered there.
ALTER TABLE catalogue_item
    ADD COLUMN district_code text REFERENCES org_unit,
    ADD COLUMN offered boolean NOT NULL DEFAULT true,
    ADD COLUMN published_at timestamptz,
    ADD COLUMN published_by integer REFERENCES account,
    -- Whether it is fetched from a kitchen on the way to the elder.
    ADD COLUMN from_kitchen boolean NOT NULL DEFAULT false,
    DROP CONSTRAINT catalogue_item_code_tstzrange_excl,
    ADD CONSTRAINT catalogue_item_one_at_a_time EXCLUDE USING gist (
        code WITH =, (COALESCE(district_code, '')) WITH =, tstzrange(valid_from, valid_to) WITH &&);

INSERT INTO skill VALUES ('cleaning'), ('cooking'), ('hairdressing'), ('mobility'), ('repairs') ON CONFLICT DO NOTHING;

-- The catalogue to start from. A version that came before there were prices is completed, not replaced: its orders were
-- sold for nothing, and keep that.
INSERT INTO catalogue_item (code, version, assist, name_zh, name_en, duration_minutes, skills, window_minutes, valid_from,
                            fee, price_fen, provider_fen, two_above_kg, same_sex, least_minutes, pre_checks, evidence)
VALUES
    ('meal', 1, 'meal', '助餐（送餐上门）', 'Meal delivery', 15, '{meal_delivery}', 60, '2020-01-01Z',
     'low_fee', 1200, 1500, NULL, 'any', 3, '[]',
     '{"photos": 1, "ticks": [{"code": "handed_over", "zh": "餐食已交到老人手中", "en": "Handed to the elder"},
                              {"code": "still_hot", "zh": "餐食温热", "en": "Still hot"}]}'),
    ('cook', 1, 'meal', '助餐（上门做饭）', 'Cooking at home', 90, '{cooking}', 60, '2020-01-01Z',
     'paid', 6000, 5700, NULL, 'any', NULL, '[]',
     '{"photos": 1, "ticks": [{"code": "cooked", "zh": "饭菜已做好", "en": "Meal cooked"},
                              {"code": "gas_off", "zh": "燃气灶具已关闭", "en": "Gas and stove off"},
                              {"code": "kitchen_clean", "zh": "厨房已收拾", "en": "Kitchen tidied"}]}'),
    ('bath', 1, 'bath', '助浴（上门助浴）', 'Assisted bath', 60, '{bathing}', 120, '2020-01-01Z',
     'paid', 12000, 11400, 70, 'prefer', NULL,
     '[{"sign": "sbp", "least": 90, "most": 160, "minutes": 30}, {"sign": "dbp", "least": 60, "most": 100, "minutes": 30},
       {"sign": "hr", "least": 50, "most": 110, "minutes": 30}, {"sign": "temp", "least": 35.5, "most": 37.5, "minutes": 30}]',
     '{"photos": 2, "ticks": [{"code": "water_warm", "zh": "水温 38–42 ℃", "en": "Water at 38–42 °C"},
                              {"code": "floor_dry", "zh": "地面防滑、擦干", "en": "Floor dry and safe"},
                              {"code": "skin_seen", "zh": "已查看皮肤", "en": "Skin looked at"},
                              {"code": "rested", "zh": "浴后休息、补水", "en": "Rested and drank afterwards"}]}'),
    ('hair_wash', 1, 'bath', '助浴（床上洗头）', 'Hair wash in bed', 40, '{bathing}', 120, '2020-01-01Z',
     'low_fee', 2000, 2800, NULL, 'any', NULL, '[]',
     '{"photos": 1, "ticks": [{"code": "water_warm", "zh": "水温 38–42 ℃", "en": "Water at 38–42 °C"},
                              {"code": "hair_dry", "zh": "头发已吹干", "en": "Hair dried"}]}'),
    ('clean', 1, 'clean', '助洁（居室清洁）', 'House cleaning', 120, '{cleaning}', 120, '2020-01-01Z',
     'paid', 8000, 7600, NULL, 'any', NULL, '[]',
     '{"photos": 2, "ticks": [{"code": "floor", "zh": "地面已清扫拖净", "en": "Floors swept and mopped"},
                              {"code": "kitchen", "zh": "厨房已清洁", "en": "Kitchen cleaned"},
                              {"code": "bathroom", "zh": "卫生间已清洁", "en": "Bathroom cleaned"},
                              {"code": "rubbish", "zh": "垃圾已带走", "en": "Rubbish taken out"}]}'),
    ('laundry', 1, 'clean', '助洁（衣物被褥洗涤）', 'Laundry and bedding', 60, '{cleaning}', 120, '2020-01-01Z',
     'low_fee', 1500, 2800, NULL, 'any', NULL, '[]',
     '{"photos": 1, "ticks": [{"code": "washed", "zh": "衣物已洗净晾晒", "en": "Washed and hung up"},
                              {"code": "bed_made", "zh": "床铺已整理", "en": "Bed made"}]}'),
    ('haircut', 1, 'clean', '助洁（上门理发）', 'Haircut at home', 30, '{hairdressing}', 120, '2020-01-01Z',
     'low_fee', 1000, 2000, NULL, 'any', NULL, '[]',
     '{"photos": 1, "ticks": [{"code": "tools_clean", "zh": "工具已消毒", "en": "Tools disinfected"}]}'),
    ('window_clean', 1, 'clean', '助洁（擦窗及油烟机清洗）', 'Windows and cooker hood', 150, '{cleaning}', 240, '2020-01-01Z',
     'paid', 15000, 14300, NULL, 'any', NULL, '[]',
     '{"photos": 2, "ticks": [{"code": "windows", "zh": "窗户已擦净", "en": "Windows cleaned"},
                              {"code": "hood", "zh": "油烟机已清洗", "en": "Cooker hood cleaned"}]}'),
    ('walk', 1, 'walk', '助行（陪同散步）', 'Accompanied walk', 60, '{mobility}', 60, '2020-01-01Z',
     'low_fee', 1500, 2800, NULL, 'any', NULL, '[]',
     '{"photos": 1, "ticks": [{"code": "back_home", "zh": "已安全送回家中", "en": "Safely back home"}]}'),
    ('wheelchair_outing', 1, 'walk', '助行（轮椅陪同外出）', 'Outing in a wheelchair', 120, '{mobility,lifting}', 60,
     '2020-01-01Z', 'paid', 8000, 7600, 90, 'any', NULL, '[]',
     '{"photos": 1, "ticks": [{"code": "chair_checked", "zh": "轮椅刹车、安全带已检查", "en": "Brakes and belt checked"},
                              {"code": "back_home", "zh": "已安全送回家中", "en": "Safely back home"}]}'),
    ('shopping', 1, 'walk', '助行（代购生活物品）', 'Shopping for the elder', 60, '{}', 120, '2020-01-01Z',
     'low_fee', 1000, 2200, NULL, 'any', 5, '[]',
     '{"photos": 1, "ticks": [{"code": "receipt", "zh": "小票与找零已交接", "en": "Receipt and change handed over"}]}'),
    ('escort', 1, 'medical', '助医（陪同就医）', 'Medical escort', 180, '{medical_escort}', 60, '2020-01-01Z',
     'paid', 12000, 11400, NULL, 'any', NULL, '[]',
     '{"photos": 1, "ticks": [{"code": "papers", "zh": "病历、处方已带回", "en": "Papers and prescriptions brought back"},
                              {"code": "told_family", "zh": "已将医嘱告知家属", "en": "Family told what the doctor said"},
                              {"code": "back_home", "zh": "已安全送回家中", "en": "Safely back home"}]}'),
    ('fetch_medicine', 1, 'medical', '助医（代取药品）', 'Fetching medicine', 60, '{medical_escort}', 120, '2020-01-01Z',
     'low_fee', 1000, 2500, NULL, 'any', 5, '[]',
     '{"photos": 1, "ticks": [{"code": "checked", "zh": "药品与处方已核对", "en": "Checked against the prescription"},
                              {"code": "receipt", "zh": "小票与找零已交接", "en": "Receipt and change handed over"}]}'),
    ('register_hospital', 1, 'medical', '助医（代办挂号）', 'Registering at a hospital', 30, '{medical_escort}', 240,
     '2020-01-01Z', 'free', 0, 1500, NULL, 'any', 5, '[]',
     '{"photos": 0, "ticks": [{"code": "told", "zh": "就诊时间已告知老人", "en": "Elder told of the time"}]}'),
    ('wellbeing_check', 1, 'emergency', '助急（上门探视）', 'Wellbeing check', 20, '{}', 60, '2020-01-01Z',
     'free', 0, 2000, NULL, 'any', 3, '[]',
     '{"photos": 0, "ticks": [{"code": "seen", "zh": "已见到老人本人", "en": "Elder seen in person"}]}'),
    ('home_repair', 1, 'emergency', '助急（水电燃气应急维修）', 'Urgent repair of water, power or gas', 60, '{repairs}', 60,
     '2020-01-01Z', 'paid', 8000, 7600, NULL, 'any', 10, '[]',
     '{"photos": 2, "ticks": [{"code": "works", "zh": "已修复并试用", "en": "Repaired and tried"},
                              {"code": "safe", "zh": "无漏水漏电漏气", "en": "No leak of water, power or gas"}]}')
ON CONFLICT (code, version) DO UPDATE
SET fee = EXCLUDED.fee, price_fen = EXCLUDED.price_fen, provider_fen = EXCLUDED.provider_fen,
    two_above_kg = EXCLUDED.two_above_kg, same_sex = EXCLUDED.same_sex, least_minutes = EXCLUDED.least_minutes,
    pre_checks = EXCLUDED.pre_checks, evidence = EXCLUDED.evidence,
    valid_to = CASE WHEN EXISTS (SELECT FROM catalogue_item AS later
                                 WHERE later.code = catalogue_item.code AND later.version > 1)
                    THEN catalogue_item.valid_to END;
UPDATE catalogue_item SET from_kitchen = true WHERE assist = 'meal' AND 'meal_delivery' = ANY(skills);

-- What of a price is paid for elders of a category: a share in percent, or so many fen, up to a sum a month for each
-- elder and rule. A rule is for one item, for an assist, or for everything; it is ended, never edited. A district's own
-- stands in for the one that all districts share.
CREATE TABLE subsidy_rule (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    district_code text REFERENCES org_unit,
    category text NOT NULL CHECK (category IN (
        'special_support', 'low_income', 'disabled', 'bereaved_only_child', 'aged_90', 'aged_80', 'living_alone',
        'empty_nest')),
    item_code text,
    assist text CHECK (assist IN ('clean', 'meal', 'bath', 'walk', 'emergency', 'medical')),
    scope text NOT NULL GENERATED ALWAYS AS (
        CASE WHEN item_code IS NOT NULL THEN 'item:' || item_code WHEN assist IS NOT NULL THEN 'assist:' || assist
             ELSE 'all' END) STORED,
    percent smallint CHECK (percent BETWEEN 0 AND 100),
    fixed_fen integer CHECK (fixed_fen >= 0),
    month_cap_fen integer CHECK (month_cap_fen >= 0),
    valid_from timestamptz NOT NULL,
    valid_to timestamptz CHECK (valid_to >= valid_from),
    set_by integer REFERENCES account,
    ended_by integer REFERENCES account,
    CHECK (num_nonnulls(item_code, assist) <= 1),
    CHECK (num_nonnulls(percent, fixed_fen) = 1),
    EXCLUDE USING gist (
        (COALESCE(district_code, '')) WITH =, category WITH =, scope WITH =, tstzrange(valid_from, valid_to) WITH &&)
);
INSERT INTO subsidy_rule (category, item_code, assist, percent, fixed_fen, month_cap_fen, valid_from) VALUES
    ('special_support', NULL, NULL, 100, NULL, 60000, '2020-01-01Z'),
    ('special_support', NULL, 'meal', 100, NULL, 72000, '2020-01-01Z'),
    ('low_income', NULL, NULL, 70, NULL, 30000, '2020-01-01Z'),
    ('low_income', NULL, 'meal', NULL, 800, 24000, '2020-01-01Z'),
    ('bereaved_only_child', NULL, NULL, 70, NULL, 30000, '2020-01-01Z'),
    ('disabled', NULL, 'bath', 60, NULL, 30000, '2020-01-01Z'),
    ('disabled', NULL, 'medical', 50, NULL, 20000, '2020-01-01Z'),
    ('disabled', NULL, 'meal', NULL, 500, 15000, '2020-01-01Z'),
    ('aged_90', NULL, 'bath', 40, NULL, 20000, '2020-01-01Z'),
    ('aged_90', NULL, 'medical', 30, NULL, 15000, '2020-01-01Z'),
    ('aged_90', NULL, 'meal', NULL, 500, 15000, '2020-01-01Z'),
    ('aged_80', NULL, 'meal', NULL, 300, 9000, '2020-01-01Z'),
    ('aged_80', NULL, 'medical', 20, NULL, 10000, '2020-01-01Z'),
    ('living_alone', NULL, 'meal', NULL, 200, 6000, '2020-01-01Z'),
    ('empty_nest', NULL, 'meal', NULL, 100, 3000, '2020-01-01Z');

-- By which rule an order's subsidy is paid: what a rule has paid in a month is counted by it.
ALTER TABLE service_order ADD COLUMN subsidy_rule_id integer REFERENCES subsidy_rule;

-- What was written down of an elder's service profile, by whom and when; the last one stands in service_profile.
CREATE TABLE service_profile_change (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    elder_id integer NOT NULL REFERENCES elder ON DELETE CASCADE,
    at timestamptz NOT NULL,
    account_id integer REFERENCES account,
    weight_kg smallint,
    two_workers boolean NOT NULL,
    worker_sex text,
    note text
);
CREATE INDEX service_profile_change_elder ON service_profile_change (elder_id, id);

-- migrate:down
DROP TABLE service_profile_change;
ALTER TABLE service_order DROP COLUMN subsidy_rule_id;
DROP TABLE subsidy_rule;
-- What nobody ordered goes. What was ordered stays, each version with a time of its own long ago, because the earlier
-- schema knows neither districts nor versions that are not offered.
DELETE FROM catalogue_item
WHERE (district_code IS NOT NULL OR version > 1 OR code NOT IN ('meal', 'bath', 'escort', 'wellbeing_check'))
  AND NOT EXISTS (SELECT FROM service_order
                  WHERE service_order.item_code = code AND service_order.item_version = version);
UPDATE catalogue_item
SET valid_from = timestamptz '2001-01-01Z' + version * interval '2 days',
    valid_to = timestamptz '2001-01-02Z' + version * interval '2 days'
WHERE version > 1 OR code NOT IN ('meal', 'bath', 'escort', 'wellbeing_check');
UPDATE catalogue_item SET valid_to = NULL WHERE version = 1 AND code IN ('meal', 'bath', 'escort', 'wellbeing_check');
DELETE FROM worker_skill WHERE skill IN ('cleaning', 'cooking', 'hairdressing', 'mobility', 'repairs');
DELETE FROM skill WHERE code IN ('cleaning', 'cooking', 'hairdressing', 'mobility', 'repairs');
ALTER TABLE catalogue_item
    DROP CONSTRAINT catalogue_item_one_at_a_time,
    DROP COLUMN district_code, DROP COLUMN offered, DROP COLUMN published_at, DROP COLUMN published_by,
    DROP COLUMN from_kitchen,
    ADD CONSTRAINT catalogue_item_code_tstzrange_excl EXCLUDE USING gist (
        code WITH =, tstzrange(valid_from, valid_to) WITH &&);
