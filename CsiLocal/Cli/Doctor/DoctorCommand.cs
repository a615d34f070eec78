using System.CommandLine;
using CsiLocal.Admin.V1;
using CsiLocal.Configuration;
using CsiLocal.Native;
using CsiLocal.Tools;
using CsiLocal.Volumes.Diagnosis;
using Grpc.Core;
using Finding = CsiLocal.Volumes.Diagnosis.Finding;

namespace CsiLocal.Cli.Doctor;

/// <summary><c>csilocal doctor</c>: by the daemon, as it sees the machine; without one, what can be told of the machine from here.</summary>
internal static class DoctorCommand
{
    public static Command Create(CommandHost host)
    {
        var repair = new Option<bool>("--repair")
        {
            Description = "First let the daemon finish, undo or correct what was interrupted; it says each thing it did, and deletes no data.",
        };
        var config = new Option<string?>("--config")
        {
            Description = "Where no daemon runs: its configuration file (environment CSILOCAL_CONFIG; default as for serve).",
            HelpName = "FILE",
        };
        var state = new Option<string?>("--state-dir")
        {
            Description = "Where no daemon runs: the folder of its state (environment CSILOCAL_STATE_DIR; default as for serve).",
            HelpName = "FOLDER",
        };
        var command = new Command(
            "doctor", "Looks at the machine, the driver's state and its pools, and says what is wrong: exit code 0, warnings 1, errors 2.")
        {
            repair, config, state,
        };
        host.SetAction(command, (parsed, session, cancellationToken) => RunAsync(
            session, parsed.GetValue(repair), new DriverFlags { ConfigFile = parsed.GetValue(config), StateDirectory = parsed.GetValue(state) },
            cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(CommandSession session, bool repair, DriverFlags flags, CancellationToken cancellationToken)
    {
        IReadOnlyList<Decision>? repairs = null;
        var findings = new List<Finding>();
        try
        {
            var daemon = session.Daemon;
            if (repair)
                repairs = (await daemon.CallRawAsync(call => daemon.Admin.RecoverAsync(new RecoverRequest(), call), cancellationToken)).Decisions;

            var examined = await daemon.CallRawAsync(call => daemon.Admin.ExamineAsync(new ExamineRequest(), call), cancellationToken);
            findings.Add(Finding.Ok(FindingCodes.Daemon, daemon.Endpoint, "answers, and is ready; what follows is as it sees the machine"));
            foreach (var finding in examined.Findings)
                findings.Add(ToFinding(finding));
        }
        catch (RpcException e) when (e.StatusCode is StatusCode.Unavailable or StatusCode.Unimplemented)
        {
            findings.Add(WithoutDaemon(session, e, repair));
            findings.AddRange(await ExamineHostAsync(flags, cancellationToken));
        }
        catch (RpcException e)
        {
            throw Daemon.RpcFailure.Translate(e, session.Daemon.Endpoint);
        }

        return DoctorReport.Write(session.Report, repairs, findings);
    }

    private static Finding WithoutDaemon(CommandSession session, RpcException failure, bool repair)
    {
        var reason = Daemon.RpcFailure.Translate(failure, session.Daemon.Endpoint);
        const string NotSeen = "not looked at: the pools, what is in them, and how the daemon itself sees this machine";
        return repair
            ? Finding.Error(FindingCodes.Daemon, session.Daemon.Endpoint, $"{reason.Message}; nothing was repaired; {NotSeen}", reason.Remedy ?? "start it")
            : Finding.Warning(FindingCodes.Daemon, session.Daemon.Endpoint, $"{reason.Message}; {NotSeen}", reason.Remedy ?? "start it");
    }

    private static async Task<IReadOnlyList<Finding>> ExamineHostAsync(DriverFlags flags, CancellationToken cancellationToken)
    {
        DriverOptions options;
        try
        {
            options = DriverOptionsResolver.ForThisProcess().Resolve(flags);
        }
        catch (ConfigurationException e)
        {
            return [.. e.Problems.Select(static problem => Finding.Error(
                FindingCodes.Configuration, "configuration", problem.ToString(), "correct it: the daemon does not start with it"))];
        }

        using var commands = new CommandRunner("doctor");
        var host = new HostExaminer(new HostFiles("/"), commands, new DeviceMapper());
        return
        [
            Finding.Ok(FindingCodes.Configuration, options.ConfigFile ?? "no file", $"valid, {options.File.Pools.Count} pools"),
            .. await host.ExamineAsync(options.File, options.HostTools, cancellationToken),
            .. StateExaminer.Examine(options.StateDirectory, droppedJournalWrites: 0),
        ];
    }

    private static Finding ToFinding(Admin.V1.Finding finding) => new(
        finding.Code,
        finding.Severity switch { "ok" => Severity.Ok, "warning" => Severity.Warning, _ => Severity.Error },
        finding.Subject, finding.Evidence, finding.Remedy.Length > 0 ? finding.Remedy : null);
}
