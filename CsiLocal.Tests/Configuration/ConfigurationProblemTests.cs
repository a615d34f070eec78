using CsiLocal.Configuration;
using Xunit;

namespace CsiLocal.Tests.Configuration;

/// <summary>What is wrong is told in full, each problem at its place and with its remedy.</summary>
public sealed class ConfigurationProblemTests
{
    private const string GoodPool = "name: a, backend: image, path: /srv/a";

    [Fact]
    public void All_problems_are_reported_at_once_in_the_order_of_the_file()
    {
        var problems = ProblemsOf(
            """
            defaultPol: fast
            driverName: Not_A_Domain
            pools:
              - name: fast
                backend: zfs
                volumeGroup: -nvme
              - name: Bulk
                backend: image
                path: srv/bulk
                reserve: 10Gx
                overprovision: 0.5
                preallocate: yes
                freezeLimit: 1h
                quota: none
              - backend: directory
                path: /srv/volumes/../etc
                preallocate: true
            maxVolumesPerNode: -1
            trash: { grace: soon, erase: shred, eraserate: 1Mi }
            """);

        Assert.Equal(
            [
                "c.yaml:1:1: defaultPol: unknown option; did you mean 'defaultPool'?",
                "c.yaml:2:13: driverName: 'Not_A_Domain' is not a domain name in lower case; write one such as local.csilocal.dev",
                "c.yaml:5:14: pools[0].backend: 'zfs' is not a backend; write image, directory, lvm or lvm-thin",
                "c.yaml:6:18: pools[0].volumeGroup: '-nvme' is not a name of a volume group; write letters, digits, '+', '_', '.' and '-', "
                    + "not beginning with '-'",
                "c.yaml:7:11: pools[1].name: 'Bulk' is not a pool name; write at most 63 lower-case letters, digits and inner dashes",
                "c.yaml:9:11: pools[1].path: 'srv/bulk' is a relative path; write it from the root, beginning with '/'",
                "c.yaml:10:14: pools[1].reserve: '10Gx' is not a size; write 10Gi, 500M or bytes",
                "c.yaml:11:20: pools[1].overprovision: 0.5 is out of range; write 1 (promise no more than there is) to 1000",
                "c.yaml:12:18: pools[1].preallocate: 'yes' is not true or false",
                "c.yaml:13:18: pools[1].freezeLimit: 1h is too long for writers to stand still; write at most 10m",
                "c.yaml:14:12: pools[1].quota: is an option of directory pools; remove it",
                "c.yaml:15:5: pools[2].name: is required",
                "c.yaml:16:11: pools[2].path: '/srv/volumes/../etc' contains '..'; write the path without it",
                "c.yaml:17:18: pools[2].preallocate: is an option of image pools; remove it",
                "c.yaml:18:20: maxVolumesPerNode: '-1' is not a whole number; write 0 for no limit",
                "c.yaml:19:17: trash.grace: 'soon' is not a duration; write 10s, 5m, 24h or 30d",
                "c.yaml:19:30: trash.erase: 'shred' is not a way to erase; write discard, zero, random or none",
                "c.yaml:19:37: trash.eraserate: unknown option; did you mean 'eraseRate'?",
            ],
            problems);
    }

    [Theory]
    [InlineData("pools:\n\t- name: a\n", "2:1: a tab in the indentation; use spaces")]
    [InlineData("pools:\n  - name: a\n\tpath: /srv\n", "3:1: a tab in the indentation; use spaces")]
    [InlineData("pools: [\n", "2:1: not valid YAML: ")]
    [InlineData("a: 'x\n", "1:4: not valid YAML: ")]
    [InlineData("pools: *nowhere\n", "1:8: not valid YAML: '*nowhere' refers to an anchor that is not defined above")]
    [InlineData("maxVolumesPerNode: 1\n---\nmaxVolumesPerNode: 2\n", "2:1: a second document; write one document")]
    [InlineData("- name: a\n", "1:1: the file is a list; a mapping is expected")]
    [InlineData("pools\n", "1:1: the file is a single value; a mapping is expected")]
    [InlineData("? [a, b]\n: c\n", "1:3: the name of an option is a list; plain text is expected")]
    [InlineData("driverName: a.b\ndriverName: c.d\n", "2:1: driverName: given twice; first in line 1")]
    [InlineData("driverName: [a]\n", "1:13: driverName: is a list; a single value is expected")]
    [InlineData("driverName:\n", "1:12: driverName: has no value; give one or remove the line")]
    [InlineData("pools: /srv/a\n", "1:8: pools: is a single value; a list is expected, each item after '- '")]
    [InlineData("pools: {a: b}\n", "1:8: pools: is a mapping; a list is expected, each item after '- '")]
    [InlineData("pools: [a]\n", "1:9: pools[0]: is a single value; a pool is a mapping with name, backend and what the backend needs")]
    [InlineData("publishRoots: /mnt\n", "1:15: publishRoots: is a single value; a list is expected")]
    [InlineData("publishRoots: [/mnt, mnt, {}]\n", "1:22: publishRoots[1]: 'mnt' is a relative path")]
    [InlineData("mode: node\n", "1:7: mode: 'node' is not available in this version; write all")]
    [InlineData("mode: al\n", "1:7: mode: 'al' is not a mode; write all")]
    [InlineData("hostTools: chroot\n", "1:12: hostTools: 'chroot' is not known; write own (the lvm beside the daemon) or nsenter (the host's,")]
    [InlineData("endpoint: tcp://0.0.0.0:1\n", "1:11: endpoint: 'tcp://0.0.0.0:1' is not a Unix socket; write unix:///absolute/path.sock")]
    [InlineData("stateDirectory: state\n", "1:17: stateDirectory: 'state' is a relative path")]
    [InlineData("nodeId: 'a b'\n", "1:9: nodeId: 'a b' cannot be a topology value")]
    [InlineData("journalRetention: 30\n", "1:19: journalRetention: '30' is not a duration; write 10s, 5m, 24h or 30d")]
    [InlineData("journalRetention: 1s\n", "1:19: journalRetention: 1s would forget what just happened")]
    [InlineData("\"a\\nb\": 1\n", "1:1: a\\u000ab: unknown option")]
    [InlineData("<<: 1\n", "1:1: <<: is a single value; a mapping is expected")]
    [InlineData("pools:\n  - {" + GoodPool + "}\ndefaultPool: b\n", "3:14: defaultPool: there is no pool 'b'")]
    [InlineData("defaultPool: a\n", "1:14: defaultPool: there is no pool 'a'")]
    public void A_problem_names_its_place_and_what_to_do(string text, string expected)
    {
        Assert.StartsWith("c.yaml:" + expected, ProblemsOf(text)[0], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("backend: image", "pools[0].name: is required", "pools[0].path: is required")]
    [InlineData("name: a, path: /srv/a", "pools[0].backend: is required")]
    [InlineData("name: a, backend: zfs, path: /srv/a", "pools[0].backend: 'zfs' is not a backend; write image, directory, lvm or lvm-thin")]
    [InlineData("backend: lvm-thin", "pools[0].name: is required", "pools[0].volumeGroup: is required", "pools[0].thinPool: is required")]
    [InlineData("name: a, backend: image, path: /", "pools[0].path: '/' is the root of the system; give the pool a folder of its own")]
    [InlineData("name: a, backend: image, path: /srv/./", "")]
    [InlineData(
        "name: -a, backend: image, path: /srv",
        "pools[0].name: '-a' is not a pool name; write at most 63 lower-case letters, digits and inner dashes")]
    [InlineData(GoodPool + ", reserve: 8Ei", "pools[0].reserve: '8Ei' is not a size; write 10Gi, 500M or bytes")]
    [InlineData(GoodPool + ", overprovision: 1e3", "pools[0].overprovision: '1e3' is not a number; write 1 or 2.5")]
    [InlineData(GoodPool + ", free_limit: 1s", "pools[0].free_limit: unknown option; did you mean 'freezeLimit'?")]
    [InlineData(GoodPool + ", freeze_limit: 1s", "pools[0].freeze_limit: unknown option; did you mean 'freezeLimit'?")]
    [InlineData(GoodPool + ", colour: red", "pools[0].colour: unknown option")]
    [InlineData("name: a, backend: directory, path: /srv/a, quota: 'off'", "pools[0].quota: 'off' is not a quota; write auto or none")]
    public void A_pool_says_what_it_needs_and_nothing_else(string pool, params string[] expected)
    {
        var problems = ProblemsOf($"pools:\n  - {{{pool}}}\n").Select(problem => problem.Split(": ", 2)[1]);

        Assert.Equal(expected.Where(text => text.Length > 0), problems);
    }

    [Theory]
    [InlineData("a", "/srv/b", "c.yaml:3:13: pools[1].name: 'a' is also the name of pools[0] in line 2")]
    [InlineData("b", "/srv/a/", "c.yaml:3:38: pools[1].path: '/srv/a' is also the path of pools[0] in line 2")]
    [InlineData("b", "/srv/a/x", "c.yaml:3:38: pools[1].path: '/srv/a/x' lies within '/srv/a', the path of pools[0] in line 2")]
    [InlineData("b", "/srv", "c.yaml:3:38: pools[1].path: '/srv' holds '/srv/a', the path of pools[0] in line 2")]
    [InlineData("b", "/srv/ab", null)]
    public void Pools_share_neither_names_nor_folders(string name, string path, string? expected)
    {
        var problems = ProblemsOf($"pools:\n  - {{ {GoodPool} }}\n  - {{ name: {name}, backend: image, path: {path} }}\n");

        Assert.Equal(expected is null ? [] : [expected], problems);
    }

    [Fact]
    public void The_exception_lists_every_problem_on_a_line_of_its_own()
    {
        var failure = Assert.Throws<ConfigurationException>(() => ConfigurationFile.Parse("a: 1\nb: 2\n", "c.yaml"));

        Assert.Equal("c.yaml:1:1: a: unknown option\nc.yaml:2:1: b: unknown option", failure.Message);
    }

    private static IReadOnlyList<string> ProblemsOf(string text)
    {
        try
        {
            ConfigurationFile.Parse(text, "c.yaml");
            return [];
        }
        catch (ConfigurationException failure)
        {
            return [.. failure.Problems.Select(problem => problem.ToString())];
        }
    }
}
