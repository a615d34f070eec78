using CsiLocal.Cli.Daemon;
using CsiLocal.Cli.Output;
using CsiLocal.Grpc;

namespace CsiLocal.Cli;

/// <summary>One command being run: its connection and its output.</summary>
internal sealed class CommandSession : IDisposable
{
    private readonly GrpcChannel _channel;

    /// <exception cref="CliException">The endpoint is malformed.</exception>
    public CommandSession(CliEnvironment environment, string endpoint, OutputFormat format, bool color, TimeSpan callTimeout)
    {
        Environment = environment;
        try
        {
            _channel = GrpcChannel.ForAddress(endpoint);
        }
        catch (FormatException e)
        {
            throw new CliException(ExitCode.Usage, e.Message, null, e);
        }

        Daemon = new DaemonClient(_channel.CreateCallInvoker(), endpoint, callTimeout, environment.Time);
        Report = new ReportWriter(environment, format, color);
        Progress = new ProgressDisplay(environment, color);
        LongWork = new LongWork(Daemon, Progress, environment.Time);
    }

    public CliEnvironment Environment { get; }

    public DaemonClient Daemon { get; }

    public ReportWriter Report { get; }

    public ProgressDisplay Progress { get; }

    public LongWork LongWork { get; }

    public void Dispose() => _channel.Dispose();
}
