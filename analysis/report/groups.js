// SPDX-License-Identifier: GPL-3.0-or-later
// groups.js -- variants by their settings, as report.groups: which values a setting has, and which
// variants differ in nothing else.
"use strict";

const {axes} = report;

function valueOf(variant, key) {
    const setting = variant.settings[key.key];
    return setting ? setting.value : null;
}

function textOf(variant, key) {
    const setting = variant.settings[key.key];
    return setting ? setting.text : null;
}

function valuesOf(variants, key) {
    const values = variants.map((variant) => valueOf(variant, key));
    return [...new Set(values.filter((value) => value !== null))].sort((a, b) => a - b);
}

// Keys that go together with `key` (`zip:` in a sweep): each value of one stands beside one of the
// other.
function partners(key, keys, variants) {
    const pairs = (a, b) => {
        const seen = new Map();
        return variants.every((variant) => {
            const [own, other] = [textOf(variant, a), textOf(variant, b)];
            const same = !seen.has(own) || seen.get(own) === other;
            seen.set(own, other);
            return same;
        });
    };
    return keys.filter(
        (other) => other !== key && other.numeric && pairs(key, other) && pairs(other, key));
}

// A name without what a sweep of the key added: " tau=12".
function bareName(name, key) {
    return name.split(" ")
        .filter((word) => {
            const label = word.slice(0, Math.max(0, word.lastIndexOf("=")));
            return label === "" || !(key.key === label || key.key.endsWith("." + label));
        })
        .join(" ");
}

// One name for several: words in which they differ side by side, "ring/torus file=star_32".
function commonName(names) {
    const words = names.map((name) => name.split(" "));
    const merged = words[0].map((_, i) => [...new Set(words.map((own) => own[i]))]);
    const alike = words.every((own) => own.length === words[0].length) &&
        merged.every((choices) => choices.length <= 3);
    return alike ? merged.map((choices) => choices.join("/")).join(" ") : `${names[0]} and others`;
}

// Variants that differ in nothing but `without`, together: [{name, variants}], in the order of the
// store, with the words of their names in which they differ. Names do not count, unless two have
// all settings in common.
function groupsOf(variants, without, keys) {
    const rest = keys.filter((key) => !without.includes(key));
    const bare = (variant) => without.reduce(bareName, variant.name);
    const settings = (variant, own) => JSON.stringify(own.map((key) => textOf(variant, key)));
    const numbers = new Map();
    for (const variant of variants) {
        const all = settings(variant, keys);
        numbers.set(all, (numbers.get(all) || new Set()).add(bare(variant)));
    }
    const twins =
        new Set(variants.filter((variant) => numbers.get(settings(variant, keys)).size > 1)
                    .map((variant) => settings(variant, rest)));
    const groups = new Map();
    for (const variant of variants) {
        const lacks = without.map((key) => valueOf(variant, key) === null);
        const same = settings(variant, rest);
        const group = JSON.stringify([same, lacks, twins.has(same) ? bare(variant) : null]);
        groups.set(group, [...(groups.get(group) || []), variant]);
    }
    const list = [...groups.values()];
    const names = list.map((group) => commonName(group.map(bare)));
    return axes.distinct(names).map((name, i, own) => {
        const twin = own.indexOf(name) !== i || own.lastIndexOf(name) !== i;
        const more = rest.map((key) => `${key.label}=${textOf(list[i][0], key) ?? "none"}`);
        return {
            name: twin && more.length > 0 ? `${name} ${more.join(" ")}` : name,
            variants: list[i]
        };
    });
}

report.groups = {
    valueOf,
    valuesOf,
    partners,
    groupsOf
};
