using CsiLocal.Configuration;
using CsiLocal.Tests.Support;
using Xunit;

namespace CsiLocal.Tests.Configuration;

public sealed class DriverOptionsResolverTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly Dictionary<string, string> environment = [];

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Without_anything_given_the_defaults_hold()
    {
        var options = Resolve(new DriverFlags());

        Assert.Equal(ServeMode.All, options.Mode);
        Assert.Equal("unix:///run/csilocal/csi.sock", options.Endpoint);
        Assert.Equal("/run/csilocal/csi.sock", options.SocketPath);
        Assert.Equal("/var/lib/csilocal", options.StateDirectory);
        Assert.Equal("host.example.org", options.NodeId);
        Assert.Null(options.ConfigFile);
        Assert.Equal(HostToolsSource.Own, options.HostTools);
        Assert.Empty(options.File.Pools);
    }

    [Fact]
    public void A_flag_comes_before_the_environment_before_the_file()
    {
        var file = Write(folder, "c.yaml", "endpoint: unix:///file.sock\nstateDirectory: /file\nnodeId: file\nmode: all\nhostTools: nsenter\n");
        environment["CSILOCAL_CONFIG"] = file;
        environment["CSILOCAL_ENDPOINT"] = "unix:///environment.sock";
        environment["CSILOCAL_STATE_DIR"] = "/environment";

        var options = Resolve(new DriverFlags { Endpoint = "unix:///flag.sock" });

        Assert.Equal("unix:///flag.sock", options.Endpoint);
        Assert.Equal("/environment", options.StateDirectory);
        Assert.Equal("file", options.NodeId);
        Assert.Equal(HostToolsSource.Nsenter, options.HostTools);
        Assert.Equal(file, options.ConfigFile);
    }

    [Theory]
    [InlineData("CSI_ENDPOINT", "CSILOCAL_ENDPOINT", "unix:///a.sock", "unix:///b.sock")]
    [InlineData("NODE_ID", "CSILOCAL_NODE_ID", "a", "b")]
    public void The_drivers_own_variable_comes_before_the_conventional_one(string common, string own, string first, string second)
    {
        environment[common] = first;
        var before = Resolve(new DriverFlags());
        environment[own] = second;
        var after = Resolve(new DriverFlags());

        Assert.Contains(first, new[] { before.Endpoint, before.NodeId });
        Assert.Contains(second, new[] { after.Endpoint, after.NodeId });
    }

    [Fact]
    public void An_empty_variable_counts_as_none()
    {
        environment["CSILOCAL_ENDPOINT"] = "";
        environment["CSILOCAL_CONFIG"] = "";

        Assert.Equal("unix:///run/csilocal/csi.sock", Resolve(new DriverFlags()).Endpoint);
    }

    [Fact]
    public void The_default_file_is_read_where_it_exists()
    {
        var file = Write(folder, "default.yaml", "maxVolumesPerNode: 7\n");

        var options = Resolve(new DriverFlags(), file);

        Assert.Equal(file, options.ConfigFile);
        Assert.Equal(7, options.File.MaxVolumesPerNode);
    }

    [Fact]
    public void All_problems_are_reported_at_once_each_with_where_the_value_comes_from()
    {
        var file = Write(folder, "c.yaml", "driverName: 1_2\nmaxVolumesPerNode: x\n");
        environment["NODE_ID"] = "a\nb";
        environment["CSILOCAL_MODE"] = "controller";

        var problems = ProblemsOf(new DriverFlags { ConfigFile = file, Endpoint = "/csi.sock", StateDirectory = "" });

        Assert.Equal(
            [
                $"{file}:1:13: driverName: '1_2' is not a domain name in lower case; write one such as local.csilocal.dev",
                $"{file}:2:20: maxVolumesPerNode: 'x' is not a whole number; write 0 for no limit",
                "environment CSILOCAL_MODE: 'controller' is not available in this version; write all",
                "flag --endpoint: '/csi.sock' is not a Unix socket; write unix:///absolute/path.sock",
                "environment NODE_ID: 'a\\u000ab' contains control characters",
                "flag --state-dir: is empty; name a folder",
            ],
            problems);
    }

    [Fact]
    public void A_file_that_is_named_and_missing_is_a_problem_of_who_named_it()
    {
        Assert.Equal(["flag --config: /none.yaml: no such file"], ProblemsOf(new DriverFlags { ConfigFile = "/none.yaml" }));
        Assert.Equal(["flag --config: is empty; name a file"], ProblemsOf(new DriverFlags { ConfigFile = "" }));
    }

    [Fact]
    public void A_host_name_that_cannot_be_a_node_id_is_a_problem()
    {
        var resolver = new DriverOptionsResolver(_ => null, "my_host_") { DefaultConfigFile = "/none.yaml" };

        var failure = Assert.Throws<ConfigurationException>(() => resolver.Resolve(new DriverFlags()));

        Assert.StartsWith(
            "host name, as no node id was given: 'my_host_' cannot be a topology value", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Relative_folders_and_files_of_flags_start_at_the_current_folder()
    {
        var options = Resolve(new DriverFlags { StateDirectory = "state/" });

        Assert.Equal(Path.Combine(Environment.CurrentDirectory, "state"), options.StateDirectory);
    }

    [Fact]
    public void The_state_directory_does_not_lie_in_a_pool()
    {
        var file = Write(folder, "c.yaml", "pools: [{name: a, backend: image, path: /srv/a}]\n");

        var problems = ProblemsOf(new DriverFlags { ConfigFile = file, StateDirectory = "/srv/a/state" });

        Assert.Equal(
            ["flag --state-dir: '/srv/a/state' lies within '/srv/a', the path of pool 'a'; choose a folder outside of the pools"],
            problems);
    }

    [Fact]
    public void A_pool_without_a_folder_is_in_nobodys_way()
    {
        var file = Write(folder, "c.yaml", "pools: [{name: a, backend: lvm, volumeGroup: v}]\n");

        Assert.Single(Resolve(new DriverFlags { ConfigFile = file, StateDirectory = "/srv/a/state" }).File.Pools);
    }

    [Theory]
    [InlineData("unix://relative.sock", "is a relative path")]
    [InlineData("unix:///a/../b.sock", "contains '..'")]
    [InlineData("unix:///folder/", "names a folder; add the name of the socket")]
    [InlineData("unix://", "is a relative path")]
    [InlineData("UNIX:///a.sock", "is not a Unix socket")]
    [InlineData("", "is not a Unix socket")]
    public void An_endpoint_is_an_absolute_path_of_a_socket(string endpoint, string expected)
    {
        Assert.Contains(expected, Assert.Single(ProblemsOf(new DriverFlags { Endpoint = endpoint })), StringComparison.Ordinal);
    }

    [Fact]
    public void A_sockets_path_has_at_most_107_bytes()
    {
        var longest = "unix:///" + new string('s', 106);

        Assert.Equal(longest, Resolve(new DriverFlags { Endpoint = longest }).Endpoint);
        Assert.Equal(
            ["flag --endpoint: the socket's path is 108 bytes long; the system allows 107, choose a shorter one"],
            ProblemsOf(new DriverFlags { Endpoint = "unix:///" + new string('s', 105) + "é" }));
    }

    [Fact]
    public void A_node_id_has_at_most_256_bytes_and_fits_a_topology_value()
    {
        Assert.Equal(
            ["flag --node-id: 257 bytes long; at most 256 are allowed"], ProblemsOf(new DriverFlags { NodeId = new string('n', 257) }));
        Assert.Contains(
            "cannot be a topology value",
            Assert.Single(ProblemsOf(new DriverFlags { NodeId = new string('n', 64) })),
            StringComparison.Ordinal);
        Assert.Equal(new string('n', 63), Resolve(new DriverFlags { NodeId = new string('n', 63) }).NodeId);
    }

    [Theory]
    [InlineData("a")]
    [InlineData("local.csilocal.dev")]
    [InlineData("a-1.b2")]
    public void A_driver_name_is_a_domain_name(string name)
    {
        Assert.Null(OptionRules.DriverName(name));
    }

    [Theory]
    [InlineData("")]
    [InlineData("a..b")]
    [InlineData(".a")]
    [InlineData("a.")]
    [InlineData("-a")]
    [InlineData("a-.b")]
    [InlineData("A.b")]
    [InlineData("a/b")]
    [InlineData("a1234567890123456789012345678901234567890123456789.abcd")]
    public void What_is_not_a_domain_name_or_too_long_for_the_topology_key_is_refused(string name)
    {
        Assert.NotNull(OptionRules.DriverName(name));
    }

    private DriverOptions Resolve(DriverFlags flags, string defaultFile = "/none.yaml") =>
        new DriverOptionsResolver(environment.GetValueOrDefault, "host.example.org") { DefaultConfigFile = defaultFile }.Resolve(flags);

    private IReadOnlyList<string> ProblemsOf(DriverFlags flags) =>
        [.. Assert.Throws<ConfigurationException>(() => Resolve(flags)).Problems.Select(problem => problem.ToString())];

    private static string Write(TemporaryFolder folder, string name, string text)
    {
        var path = folder.Combine(name);
        File.WriteAllText(path, text);
        return path;
    }
}
