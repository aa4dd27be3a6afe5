import java.util.List;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.xcontent.NamedXContentRegistry;
import org.elasticsearch.xcontent.NamedXContentRegistry.Entry;
import org.elasticsearch.xcontent.ParseField;
import org.elasticsearch.xcontent.XContentParserConfiguration;
import org.elasticsearch.xcontent.json.JsonXContent;
import org.elasticsearch.xpack.core.ilm.*;

/** Reads a life-cycle policy as Elasticsearch does, and prints the steps that it would take. */
class Lifecycle {
    public static void main(String[] arguments) throws Exception {
        LogConfigurator.configureESLogging(); // some classes cannot be loaded without it
        var registry = new NamedXContentRegistry(List.of(
            new Entry(LifecycleType.class, new ParseField(TimeseriesLifecycleType.TYPE), p -> TimeseriesLifecycleType.INSTANCE),
            new Entry(LifecycleAction.class, new ParseField(DeleteAction.NAME), DeleteAction::parse),
            new Entry(LifecycleAction.class, new ParseField(ForceMergeAction.NAME), ForceMergeAction::parse),
            new Entry(LifecycleAction.class, new ParseField(MigrateAction.NAME), MigrateAction::parse),
            new Entry(LifecycleAction.class, new ParseField(ReadOnlyAction.NAME), ReadOnlyAction::parse),
            new Entry(LifecycleAction.class, new ParseField(SetPriorityAction.NAME), SetPriorityAction::parse)));
        var parser = JsonXContent.jsonXContent.createParser(
            XContentParserConfiguration.EMPTY.withRegistry(registry), System.in);
        var policy = LifecyclePolicy.parse(parser, "policy");
        policy.validate();
        var types = TimeseriesLifecycleType.INSTANCE;
        String warning = TimeseriesLifecycleType.validateMonotonicallyIncreasingPhaseTimings(policy.getPhases().values());
        if (warning != null && !warning.isEmpty()) {
            throw new IllegalArgumentException(warning);
        }
        for (var phase : types.getOrderedPhases(policy.getPhases())) {
            for (var action : types.getOrderedActions(phase)) {
                for (var step : action.toSteps(null, phase.getName(), null, null)) {
                    System.out.println(phase.getName() + " " + phase.getMinimumAge() + " "
                        + action.getWriteableName() + " " + step.getClass().getSimpleName());
                }
            }
        }
    }
}
